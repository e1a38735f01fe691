"""MuJoCo: assembling scenes, stepping and recording them, and re-executing what was recorded."""

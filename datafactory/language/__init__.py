"""Words: noun phrases, referring expressions and the phrase book of instructions."""

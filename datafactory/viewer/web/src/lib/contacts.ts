import type { Contact } from "./api";

const FIXED = new Set(["table", "floor", "world"]);

/** Whether it is between things that move: neither only stands somewhere. */
export function moving(contact: Contact): boolean {
  return !FIXED.has(contact.a) && !FIXED.has(contact.b);
}

/** Whether a contact is with this body; a one-armed gripper touches with its fingers. */
export function touches(contact: Contact, body: string, kind: string): boolean {
  const gripper = kind === "robot" && /finger|gripper/.test(body);
  return [contact.a, contact.b].some((name) => name === body || (gripper && name === "gripper"));
}

/** Whether a gripper takes part: "gripper..." of one arm, "left_gripper..." and "right_gripper..." of two. */
export function byGripper(contact: Contact): boolean {
  return contact.a.includes("gripper") || contact.b.includes("gripper");
}

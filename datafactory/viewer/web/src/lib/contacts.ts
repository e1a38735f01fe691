import type { Contact } from "./api";

/** Whether a gripper takes part: "gripper..." of one arm, "left_gripper..." and "right_gripper..." of two. */
export function byGripper(contact: Contact): boolean {
  return contact.a.includes("gripper") || contact.b.includes("gripper");
}

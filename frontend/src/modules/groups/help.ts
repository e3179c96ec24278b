import type { Help } from "../../app/module";

export const help: Help = {
  title: "Groups",
  notes: [
    "A group has the devices that are listed in it, and all that have its site and all of its tags, now and later.",
  ],
};

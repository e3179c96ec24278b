import type { Help } from "../../app/module";

export const help: Help = {
  title: "Credentials",
  notes: [
    "A secret goes in and never comes out. Devices name a credential; replacing its secret counts for all of them at once.",
  ],
};

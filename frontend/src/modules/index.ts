// The areas of the product. A new one is a folder and a line here.
import { credentials } from "./credentials";
import { groups } from "./groups";
import { inventory } from "./inventory";
import { monitoring } from "./monitoring";
import { session } from "./session";
import { system } from "./system";

export const MODULES = [inventory, monitoring, groups, credentials, system, session] as const;

// Who is signed in, and what is theirs: account, theme, help, the way out.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { CircleUser, Keyboard, LogOut, UserCog } from "lucide-react";
import { announce } from "../lib/tabs";
import { type Theme, useTheme } from "../lib/theme";
import { beginSession, logout, sessionQuery } from "../modules/session/queries";
import { Menu, type MenuEntry } from "../parts/Menu";

const THEMES: readonly { value: Theme; label: string }[] = [
  { value: "system", label: "As the system" },
  { value: "light", label: "Light" },
  { value: "dark", label: "Dark" },
];

export function UserMenu({ onHelp }: { onHelp: () => void }) {
  const client = useQueryClient();
  const name = useQuery(sessionQuery).data?.username ?? "";
  const [theme, setTheme] = useTheme();
  const leave = async () => {
    try {
      await logout();
    } finally {
      beginSession(client, null);
      announce({ kind: "signed-out" });
    }
  };
  const entries: MenuEntry[] = [
    { kind: "link", label: "Your account", icon: UserCog, link: { to: "/account" } },
    { kind: "action", label: "Keys and help", icon: Keyboard, onSelect: onHelp },
    { kind: "rule" },
    {
      kind: "choice",
      label: "Theme",
      value: theme,
      options: THEMES,
      onChoose: (value) => setTheme(value as Theme),
    },
    { kind: "rule" },
    { kind: "action", label: "Log out", icon: LogOut, onSelect: () => void leave() },
  ];
  return (
    <Menu label={`Menu of ${name}`} entries={entries} variant="quiet" className="user-menu">
      <CircleUser className="icon" aria-hidden="true" />
      <span className="user-name">{name}</span>
    </Menu>
  );
}

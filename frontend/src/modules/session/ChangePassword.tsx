// The dialog for another password, loaded when it is opened.
import { lazy, Suspense } from "react";
import { Boundary } from "../../parts/Boundary";

const PasswordDialog = lazy(() => import("./PasswordDialog"));

interface ChangePasswordProps {
  open: boolean;
  username: string;
  onClose: () => void;
}

export function ChangePassword({ open, username, onClose }: ChangePasswordProps) {
  if (!open) return null;
  return (
    <Boundary what="The dialog">
      <Suspense fallback={null}>
        <PasswordDialog username={username} onClose={onClose} />
      </Suspense>
    </Boundary>
  );
}

// `?why=` opens the reasons of an anomaly on whatever page one is.
import { useNavigate, useSearch } from "@tanstack/react-router";
import { lazy, Suspense } from "react";
import { rootRoute } from "../../app/root";
import { Boundary } from "../../parts/Boundary";

const WhyPanel = lazy(() => import("./WhyPanel"));

export function WhyOverlay() {
  const { why } = useSearch({ from: rootRoute.id });
  const navigate = useNavigate();
  if (!why) return null;
  const close = () =>
    void navigate({
      to: ".",
      search: (old: object) => ({ ...old, why: undefined }),
      resetScroll: false,
    });
  return (
    <Boundary what="The panel" key={why}>
      <Suspense fallback={null}>
        <WhyPanel why={why} onClose={close} />
      </Suspense>
    </Boundary>
  );
}

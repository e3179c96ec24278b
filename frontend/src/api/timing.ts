// How often the pages ask.

export const second = 1000;
export const minute = 60 * second;

interface Asked {
  dataUpdatedAt: number;
  errorUpdatedAt: number;
}

/**
 * Asks again so long after the last answer. Live events change what is cached, and each would
 * start a fixed interval anew: what they change often would never be asked for again.
 */
export const again =
  (ms: number) =>
  ({ state }: { state: Asked }) => {
    const last = Math.max(state.dataUpdatedAt, state.errorUpdatedAt);
    return last === 0 ? ms : Math.max(second, last + ms - Date.now());
  };

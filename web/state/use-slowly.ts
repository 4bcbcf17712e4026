/** A value that changes with every frame, taken over less often: for drawings that cost more than a frame has. */
import { useEffect, useRef, useState } from 'preact/hooks';

/** @param everyMs least time between two values; 0: each at once */
export function useSlowly<Value>(value: Value, everyMs: number): Value {
  const [shown, setShown] = useState(value);
  const latest = useRef(value);
  latest.current = value;
  const isDue = everyMs > 0 && shown !== value;
  useEffect(() => {
    if (!isDue) return undefined;
    const timer = setTimeout(() => setShown(() => latest.current), everyMs);
    return () => clearTimeout(timer);
    // Counted from the first change: what never rests is shown too.
  }, [isDue]);
  return everyMs > 0 ? shown : value;
}

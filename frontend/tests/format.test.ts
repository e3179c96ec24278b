import { describe, expect, it } from "vitest";
import {
  bandText,
  duration,
  metricName,
  outcomeText,
  quantity,
  shownUnit,
  speed,
  tick,
  ticks,
} from "../src/lib/format";

it("takes a rate that decayed for none, and a small ratio for what it is", () => {
  expect(quantity(1.1e-12, "packet/s")).toBe(quantity(0, "packet/s"));
  expect(quantity(1.1e-12, "1")).not.toBe(quantity(0, "1"));
});

describe("quantity", () => {
  const check = (value: number | null, unit: string, text: string) =>
    expect(quantity(value, unit)).toBe(text);
  it("gives a number its unit", () => {
    check(12_345_678, "bps", "12.3 Mbit/s");
    check(999.7, "bps", "1.00 kbit/s");
    check(0, "bps", "0 bit/s");
    check(-7.412, "dBm", "−7.41 dBm");
    check(0.204, "percent", "0.20 %");
    check(0.5, "ratio", "50.0 %");
    check(0.0042, "ms", "0.0042 ms");
    check(3, "", "3.00");
  });
  it("says what is not there", () => {
    check(null, "bps", "–");
    check(Number.NaN, "bps", "–");
    check(Number.MAX_VALUE, "bps", "∞");
    check(-Number.MAX_VALUE, "bps", "−∞");
  });
});

it("tick drops digits that say nothing", () => {
  expect(tick(2, "ms")).toBe("2 ms");
  expect(tick(2.5, "ms")).toBe("2.5 ms");
  expect(tick(5e7, "bps")).toBe("50 Mbit/s");
  expect(tick(100, "bps")).toBe("100 bit/s");
  expect(tick(0, "bps")).toBe("0 bit/s");
});

it("bandText names the unit once where it is one", () => {
  expect(bandText(66e6, 89.4e6, "bps")).toBe("66.0 … 89.4 Mbit/s");
  expect(bandText(900e3, 1.2e6, "bps")).toBe("900 kbit/s … 1.20 Mbit/s");
  expect(bandText(null, 5, "ms")).toBe("up to 5.00 ms");
  expect(bandText(null, null, "ms")).toBe("none");
});

it("duration is said as people say it", () => {
  expect(duration(4 * 60_000)).toBe("4 min");
  expect(duration(130 * 60_000)).toBe("2 h 10 min");
  expect(duration(3 * 86_400_000)).toBe("3 d");
  expect(duration(-5)).toBe("0 ms");
});

it("a unit of 1 is read by the metric's name", () => {
  expect(quantity(0.25, shownUnit("icmp_loss_ratio", "1"))).toBe("25.0 %");
  expect(quantity(2, shownUnit("if_oper_status", "1"))).toBe("down");
  expect(quantity(5, shownUnit("lab_serial", "1"))).toBe("5.00");
  expect(quantity(7200, "s")).toBe("2 h");
});

it("metricName reads like words", () => {
  expect(metricName("if_in_errors_pps")).toBe("In errors");
  expect(metricName("if_in_pps")).toBe("In packets");
  expect(metricName("icmp_loss_ratio")).toBe("ICMP loss");
  expect(metricName("xcvr_rx_power_dbm")).toBe("Receive power");
  expect(metricName("if_in_bps")).toBe("In traffic");
  expect(metricName("icmp_rtt_ms")).toBe("ICMP round trip time");
  expect(metricName("rx_power_dbm")).toBe("Rx power".replace("Rx", "Receive"));
  expect(metricName("something.new")).toBe("Something new");
});

it("speed has round numbers", () => {
  expect(speed(1e10)).toBe("10 Gbit/s");
  expect(speed(2.5e9)).toBe("2.5 Gbit/s");
  expect(speed(0)).toBe("–");
});

it("an outcome of the host's making names the fix", () => {
  expect(outcomeText("not_permitted")).toContain("ping_group_range");
  expect(outcomeText("something new")).toBe("something new");
});

describe("ticks", () => {
  it("distinguishes neighbours", () => {
    expect(ticks([4_406_400, 4_410_000], "s")).toEqual(["51 d 00:00", "51 d 01:00"]);
    expect(ticks([4_406_400, 4_406_430], "s")).toEqual(["51 d 00:00:00", "51 d 00:00:30"]);
    expect(ticks([86_400, 172_800], "s")).toEqual(["1 d", "2 d"]);
    expect(ticks([1e9, 2e9], "bps")).toEqual(["1 Gbit/s", "2 Gbit/s"]);
  });
});

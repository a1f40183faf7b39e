package pyrra

import (
	"slices"
	"time"
)

// window is one pair of windows and how long both must burn.
type window struct {
	severity         string
	wait, long, last time.Duration // for, long and short
	factor           float64
}

// windows scales the four pairs from those of 28 days, to whole minutes.
func windows(period time.Duration) [4]window {
	part := func(n time.Duration) time.Duration { return (period / n).Round(time.Minute) }
	return [4]window{
		{"critical", part(28 * 24 * 30), part(28 * 24), part(28 * 24 * 12), 14},
		{"critical", part(28 * 24 * 4), part(28 * 4), part(28 * 24 * 2), 7},
		{"warning", part(28 * 24), part(28), part(28 * 12), 2},
		{"warning", part(28 * 8), part(7), part(28 * 4), 1},
	}
}

// rates are the windows over which burn rates are recorded, the shortest first.
func rates(ws [4]window) []time.Duration {
	var out []time.Duration
	for _, w := range ws {
		out = append(out, w.long, w.last)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// absentAfter is how long a metric is missed before somebody is called: as long
// as the fastest pair takes when everything fails.
func absentAfter(period time.Duration, target float64) time.Duration {
	w := windows(period)[0]
	d := time.Duration(w.factor*(1-target)*w.long.Seconds()) * time.Second
	return (d + w.wait).Round(time.Minute)
}

// increaseEvery is the interval of the group that counts the whole window.
func increaseEvery(period time.Duration) time.Duration {
	const week = 7 * 24 * time.Hour
	for i, every := range []int{30, 60, 90, 120, 150, 180, 210} {
		if period < time.Duration(i+1)*week {
			return time.Duration(every) * time.Second
		}
	}
	return 240 * time.Second
}

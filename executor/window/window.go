// Package window says which windows an instant falls in, and when they close.
//
// Everything here is arithmetic on event time in milliseconds since 1970. Windows are aligned to the epoch and half open: [start, start+size).
package window

import (
	"fmt"
	"math"
)

// maxOverlap is the most hopping windows an instant may fall in.
const maxOverlap = 10_000

// Tumbling is windows of a size that begin every AdvanceMS: tumbling when it equals SizeMS, hopping when it is less. GraceMS is how long
// after its end, in event time, a window takes rows.
type Tumbling struct {
	SizeMS, AdvanceMS, GraceMS int64
}

// Check refuses sizes that make no windows. The error names the size at fault.
func (w Tumbling) Check() error {
	switch {
	case w.SizeMS <= 0 || w.AdvanceMS <= 0 || w.AdvanceMS > w.SizeMS:
		return fmt.Errorf("a window of %d ms cannot advance by %d ms", w.SizeMS, w.AdvanceMS)
	case w.GraceMS < 0:
		return fmt.Errorf("the grace period %d ms is negative", w.GraceMS)
	case w.Overlap() > maxOverlap:
		return fmt.Errorf("a window of %d ms that advances by %d ms overlaps %d others: at most %d are allowed",
			w.SizeMS, w.AdvanceMS, w.Overlap(), maxOverlap)
	}
	return nil
}

// Start is the start of the newest window that holds t; right for times before 1970 too.
func (w Tumbling) Start(t int64) int64 { return Align(t, w.AdvanceMS) }

// Align is the largest multiple of step that is not above t.
func Align(t, step int64) int64 {
	r := t % step
	if r < 0 {
		r += step
	}
	return t - r
}

// Overlap is the most windows an instant falls in.
func (w Tumbling) Overlap() int64 { return (w.SizeMS + w.AdvanceMS - 1) / w.AdvanceMS }

// Closed tells whether the window that begins at start takes no more rows once an event at now has been seen: its end plus the grace
// is not after now. Source: Kafka Streams, KStreamWindowAggregate.
func (w Tumbling) Closed(start, now int64) bool {
	end := add(add(start, w.SizeMS), w.GraceMS)
	return end <= now
}

// OpenFrom is the smallest start that Closed does not hold for at now.
func (w Tumbling) OpenFrom(now int64) int64 {
	return add(add(add(now, -w.SizeMS), -w.GraceMS), 1)
}

// add is saturating addition: times at the ends of int64 stay there.
func add(a, b int64) int64 {
	s := a + b
	switch {
	case b > 0 && s < a:
		return math.MaxInt64
	case b < 0 && s > a:
		return math.MinInt64
	}
	return s
}

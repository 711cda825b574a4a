// Package window says which windows an instant falls in, and when they close.
//
// Everything here is arithmetic on event time in milliseconds since 1970. Windows are aligned to the epoch and half open: [start, start+size).
package window

// Start is the start of the tumbling window of size ms that holds t; right for times before 1970 too.
func Start(t, size int64) int64 {
	r := t % size
	if r < 0 {
		r += size
	}
	return t - r
}

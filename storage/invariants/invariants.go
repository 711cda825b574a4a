// Package invariants holds self-checks that cost nothing unless the program is built with -tags invariants or -race.
//
// A broken invariant is a bug of ours and panics; bad input never comes here.
package invariants

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
)

// Assert panics with the message when ok is false and checks are on. Guard costly arguments with Enabled.
func Assert(ok bool, format string, args ...any) {
	if Enabled && !ok {
		panic("invariant broken: " + fmt.Sprintf(format, args...))
	}
}

// Sometimes is true for about percent of the calls when checks are on, and never otherwise. Tests use it to force rare paths.
func Sometimes(percent int) bool {
	return Enabled && rand.IntN(100) < percent
}

// CloseChecker finds a second Close and use after Close. The zero value is open; it is safe for concurrent use.
type CloseChecker struct{ closed atomic.Bool }

// Close marks the owner closed and panics when it already was.
func (c *CloseChecker) Close() {
	if Enabled && c.closed.Swap(true) {
		panic("invariant broken: closed twice")
	}
}

// AssertNotClosed panics when the owner was closed.
func (c *CloseChecker) AssertNotClosed() {
	if Enabled && c.closed.Load() {
		panic("invariant broken: used after close")
	}
}

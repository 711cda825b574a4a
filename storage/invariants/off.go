//go:build !invariants && !race

package invariants

// Enabled tells whether self-checks run: with -tags invariants or -race.
const Enabled = false

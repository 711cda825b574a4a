package state

import (
	"errors"
	"fmt"
	"sync/atomic"
)

// Errors that callers branch on.
var (
	ErrClosed  = errors.New("state closed")
	ErrCorrupt = errors.New("state is corrupt")
	ErrLayout  = errors.New("state has another layout")
)

// Budget is a hard limit of memory, shared by whoever is given it. Limit 0 or a nil Budget: unlimited, but counted.
type Budget struct {
	limit  int64
	used   atomic.Int64
	parent *Budget // counts the same bytes; nil: none
}

// NewBudget makes a budget of limit bytes.
func NewBudget(limit int64) *Budget { return &Budget{limit: limit} }

// Used is the number of bytes taken.
func (b *Budget) Used() int64 {
	if b == nil {
		return 0
	}
	return b.used.Load()
}

// Limit is the limit in bytes, 0: none.
func (b *Budget) Limit() int64 {
	if b == nil {
		return 0
	}
	return b.limit
}

// Take reserves n bytes for owner (an operator or table, named in the error). Error: *BudgetError.
func (b *Budget) Take(n int64, owner string) error {
	if b == nil {
		return nil
	}
	if used := b.used.Add(n); b.limit > 0 && used > b.limit && n > 0 {
		b.used.Add(-n)
		return &BudgetError{Owner: owner, Need: n, Used: used - n, Limit: b.limit}
	}
	if err := b.parent.Take(n, owner); err != nil {
		b.used.Add(-n)
		return err
	}
	return nil
}

// force counts n bytes (or gives them back) without asking: small growth between two calls of over.
func (b *Budget) force(n int64) {
	for ; b != nil; b = b.parent {
		b.used.Add(n)
	}
}

// over answers *BudgetError when more than the limit is taken.
func (b *Budget) over(owner string) error {
	for ; b != nil; b = b.parent {
		if used := b.used.Load(); b.limit > 0 && used > b.limit {
			return &BudgetError{Owner: owner, Used: used, Limit: b.limit}
		}
	}
	return nil
}

// Give returns n bytes.
func (b *Budget) Give(n int64) { b.force(-n) }

// BudgetError says who wanted more memory than its budget holds.
type BudgetError struct {
	Owner             string
	Need, Used, Limit int64 // bytes
}

// Error implements error.
func (e *BudgetError) Error() string {
	return fmt.Sprintf("%s needs %d more bytes of memory: %d of %d are used", e.Owner, e.Need, e.Used, e.Limit)
}

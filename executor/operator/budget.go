package operator

import (
	"errors"

	"github.com/freshetdb/freshet/executor/state"
	"github.com/freshetdb/freshet/sql/sqlerr"
)

// fromBudget turns a budget's refusal into the error a client sees; others pass.
func fromBudget(err error) error {
	var b *state.BudgetError
	if err == nil || !errors.As(err, &b) {
		return err
	}
	return sqlerr.Wrap(err, sqlerr.OutOfMemory, "%s ran out of memory", b.Owner).
		WithDetail("%d bytes are used of a limit of %d", b.Used, b.Limit)
}

// reserve counts the memory of an operator that keeps rows, a step at a time so that the shared counter is not touched often.
type reserve struct {
	budget *state.Budget
	owner  string
	used   int64 // bytes the operator holds
	taken  int64 // bytes taken from the budget
}

const reserveStep = 64 << 10 // bytes

// grow sets what the operator holds now.
func (r *reserve) grow(used int64) error {
	r.used = used
	if used <= r.taken {
		return nil
	}
	n := max(used-r.taken, reserveStep)
	if err := r.budget.Take(n, r.owner); err != nil {
		return fromBudget(err)
	}
	r.taken += n
	return nil
}

// release gives everything back.
func (r *reserve) release() {
	r.budget.Give(r.taken)
	r.used, r.taken = 0, 0
}

package wire

import (
	"context"

	"golang.org/x/sync/semaphore"
)

// budget is the listener's memory for requests.
type budget struct{ free *semaphore.Weighted }

func newBudget(limit int64) *budget { return &budget{free: semaphore.NewWeighted(limit)} }

// take waits until n bytes are free.
func (b *budget) take(ctx context.Context, n int64) error { return b.free.Acquire(ctx, n) }

func (b *budget) give(n int64) {
	if n > 0 {
		b.free.Release(n)
	}
}

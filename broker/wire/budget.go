package wire

import (
	"context"
	"time"

	"golang.org/x/sync/semaphore"
)

// smallShare: this part of the memory for requests is out of reach of large ones, so that requests which are slow to arrive never keep
// everybody else from being heard.
const smallShare = 8

// budget is the listener's memory for requests.
type budget struct {
	free, freeForLarge *semaphore.Weighted
	most               int64 // that one request can have
}

// newBudget makes a budget; the largest request always fits.
func newBudget(limit, largest int64) *budget {
	most := max(limit-limit/smallShare, largest)
	return &budget{free: semaphore.NewWeighted(limit), freeForLarge: semaphore.NewWeighted(most), most: most}
}

// take waits until n bytes are free, but not for ever: requests that each have a part of what they need would wait for each other.
func (b *budget) take(ctx context.Context, n int64, large bool, patience time.Duration) error {
	if large {
		if err := acquire(ctx, b.freeForLarge, n, patience); err != nil {
			return err
		}
	}
	err := acquire(ctx, b.free, n, patience)
	if err != nil && large {
		b.freeForLarge.Release(n)
	}
	return err
}

// widen takes n more bytes for what the buffer's request was decoded to, or as many as one request can have.
func (b *Buffer) widen(ctx context.Context, from *budget, n int64, patience time.Duration) error {
	if n = min(n, from.most-b.weight); n <= 0 {
		return nil
	}
	if err := from.take(ctx, n, b.large, patience); err != nil {
		return err
	}
	b.weight += n
	return nil
}

func acquire(ctx context.Context, from *semaphore.Weighted, n int64, patience time.Duration) error {
	if from.TryAcquire(n) {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, patience, refusef("no memory for a request of %d more bytes in %v", n, patience))
	defer cancel()
	if err := from.Acquire(ctx, n); err != nil {
		return context.Cause(ctx)
	}
	return nil
}

func (b *budget) give(n int64, large bool) {
	if n <= 0 {
		return
	}
	b.free.Release(n)
	if large {
		b.freeForLarge.Release(n)
	}
}

package handler

import (
	"context"
	"time"

	"github.com/freshetdb/freshet/broker/metadata"
)

// change commits what decide returns, within the client's time.
func (h *Handler) change(ctx context.Context, timeoutMillis int32, decide func(*metadata.Image) ([]metadata.Record, error)) error {
	timeout := changeTimeout
	if timeoutMillis > 0 {
		timeout = min(timeout, time.Duration(timeoutMillis)*time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	_, err := h.Quorum.Change(ctx, decide)
	return err
}

// changeEach commits what decide returns for each of n parts of a request that don't depend on each other, all in one entry. It gives
// every part's refusal, or for those not refused what became of the entry.
func (h *Handler) changeEach(ctx context.Context, timeoutMillis int32, n int, decide func(img *metadata.Image, part int) ([]metadata.Record, error)) []error {
	errs := make([]error, n)
	err := h.change(ctx, timeoutMillis, func(img *metadata.Image) ([]metadata.Record, error) {
		var all []metadata.Record
		for i := range n {
			records, err := decide(img, i)
			if errs[i] = err; err == nil {
				all = append(all, records...)
			}
		}
		return all, nil
	})
	for i := range errs {
		if errs[i] == nil {
			errs[i] = err
		}
	}
	return errs
}

// changeTimeout bounds metadata changes of requests that name no time of their own.
const changeTimeout = 30 * time.Second

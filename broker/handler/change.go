package handler

import (
	"context"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

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

// changeInTime is change for requests to which, as in Kafka, no time at all means that they are too late already.
func (h *Handler) changeInTime(ctx context.Context, timeoutMillis int32, decide func(*metadata.Image) ([]metadata.Record, error)) error {
	if timeoutMillis <= 0 {
		return kerr.RequestTimedOut
	}
	return h.change(ctx, timeoutMillis, decide)
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

// changeEachInTime is to changeEach what changeInTime is to change.
func (h *Handler) changeEachInTime(ctx context.Context, timeoutMillis int32, n int, decide func(img *metadata.Image, part int) ([]metadata.Record, error)) []error {
	if timeoutMillis <= 0 {
		return slices.Repeat([]error{kerr.RequestTimedOut}, n)
	}
	return h.changeEach(ctx, timeoutMillis, n, decide)
}

// changeTimeout bounds metadata changes of requests that name no time of their own.
const changeTimeout = 30 * time.Second

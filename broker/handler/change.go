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

// changeTimeout bounds metadata changes of requests that name no time of their own.
const changeTimeout = 30 * time.Second

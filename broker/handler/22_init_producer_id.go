package handler

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/coordinator"
	"github.com/freshetdb/freshet/broker/txn"
	"github.com/freshetdb/freshet/broker/wire"
)

// First versions that know PRODUCER_FENCED; before, a fenced producer is told INVALID_PRODUCER_EPOCH (KIP-588).
const (
	initKnowsFenced = 4
	txnKnowsFenced  = 2
)

// fencedCode gives a code in a version that may not know PRODUCER_FENCED.
func fencedCode(code coordinator.Code, version, knows int16) int16 {
	if code == coordinator.ProducerFenced && version < knows {
		return int16(coordinator.InvalidProducerEpoch)
	}
	return int16(code)
}

// initProducerID hands out a producer id: a new one without a transactional id, else the id's own with the next epoch.
func (h *Handler) initProducerID(ctx context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.InitProducerIDRequest)
	resp := kmsg.NewPtrInitProducerIDResponse()
	resp.ProducerID, resp.ProducerEpoch = -1, -1
	if in.TransactionalID == nil {
		id, err := h.Transactions.ProducerID(ctx)
		if err != nil {
			h.Logger.Warn("no producer id", "error", err)
			resp.ErrorCode = int16(coordinator.NotAvailable)
		} else {
			resp.ProducerID, resp.ProducerEpoch = id, 0
		}
		req.Reply(resp)
		return
	}
	r := h.Transactions.InitProducerID(ctx, txn.InitRequest{
		ID: *in.TransactionalID, Timeout: time.Duration(in.TransactionTimeoutMillis) * time.Millisecond,
		Current: coordinator.Producer{ID: in.ProducerID, Epoch: in.ProducerEpoch},
	})
	resp.ErrorCode = fencedCode(r.Code, in.Version, initKnowsFenced)
	if r.Code == coordinator.OK {
		resp.ProducerID, resp.ProducerEpoch = r.Producer.ID, r.Producer.Epoch
	}
	req.Reply(resp)
}

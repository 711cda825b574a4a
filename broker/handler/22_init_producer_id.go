package handler

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/auth"
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
	if code := h.mayInit(req, in); code != coordinator.OK {
		resp.ErrorCode = int16(code)
		req.Reply(resp)
		return
	}
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

// nobody is the producer of answers that have none.
func nobody() coordinator.Producer { return coordinator.Producer{ID: -1, Epoch: -1} }

// mayInit tells why a request for a producer id can't be answered, OK when it can.
func (h *Handler) mayInit(req *wire.Request, in *kmsg.InitProducerIDRequest) coordinator.Code {
	if in.TransactionalID == nil {
		if (in.ProducerID < 0) != (in.ProducerEpoch < 0) {
			return coordinator.InvalidRequest
		}
		if !h.mayQuietly(req, auth.OpIdempotentWrite, auth.ResourceCluster, auth.ClusterName) && !h.Authorizer.MayAny(req.Conn.Caller(), auth.OpWrite, auth.ResourceTopic) {
			return mayNotCluster
		}
		return coordinator.OK
	}
	switch {
	case !h.may(req, auth.OpWrite, auth.ResourceTransactionalID, *in.TransactionalID):
		return mayNotTxn
	case (in.ProducerID < 0) != (in.ProducerEpoch < 0):
		return coordinator.InvalidRequest
	}
	return coordinator.OK
}

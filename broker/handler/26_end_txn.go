package handler

import (
	"context"
	"regexp"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/auth"
	"github.com/freshetdb/freshet/broker/coordinator"
	"github.com/freshetdb/freshet/broker/txn"
	"github.com/freshetdb/freshet/broker/wire"
)

// endBumps is the version of EndTxn whose answer brings the epoch of the next transaction (KIP-890).
const endBumps = 5

// endTxn commits or aborts a transaction; it is answered when the decision is committed.
func (h *Handler) endTxn(ctx context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.EndTxnRequest)
	reply := func(r txn.EndResponse) {
		resp := kmsg.NewPtrEndTxnResponse()
		resp.ErrorCode = fencedCode(r.Code, in.Version, txnKnowsFenced)
		resp.ProducerID, resp.ProducerEpoch = r.Producer.ID, r.Producer.Epoch
		req.Reply(resp)
	}
	if !h.may(req, auth.OpWrite, auth.ResourceTransactionalID, in.TransactionalID) {
		reply(txn.EndResponse{Code: mayNotTxn, Producer: nobody()})
		return
	}
	end := txn.EndRequest{
		ID: in.TransactionalID, Producer: coordinator.Producer{ID: in.ProducerID, Epoch: in.ProducerEpoch}, Commit: in.Commit,
	}
	if in.Version >= endBumps {
		h.Transactions.EndV2(ctx, end, txn.EndCallbacks{Decided: reply})
		return
	}
	h.Transactions.End(end, txn.EndCallbacks{Decided: reply})
}

// describeTransactions tells of transactional ids.
func (h *Handler) describeTransactions(ctx context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.DescribeTransactionsRequest)
	resp := kmsg.NewPtrDescribeTransactionsResponse()
	resp.TransactionStates = []kmsg.DescribeTransactionsResponseTransactionState{}
	for _, id := range in.TransactionalIDs {
		d := txn.Description{Code: mayNotTxn}
		if h.may(req, auth.OpDescribe, auth.ResourceTransactionalID, id) {
			d = h.Transactions.Describe(ctx, id)
		}
		out := kmsg.NewDescribeTransactionsResponseTransactionState()
		out.TransactionalID, out.ErrorCode = id, int16(d.Code)
		out.Topics = []kmsg.DescribeTransactionsResponseTransactionStateTopic{}
		if d.Code == coordinator.OK {
			fillTransaction(&out, &d)
		}
		resp.TransactionStates = append(resp.TransactionStates, out)
	}
	req.Reply(resp)
}

func fillTransaction(out *kmsg.DescribeTransactionsResponseTransactionState, d *txn.Description) {
	out.State, out.TimeoutMillis = d.State.String(), int32(d.Timeout.Milliseconds())
	out.ProducerID, out.ProducerEpoch = d.Producer.ID, d.Producer.Epoch
	out.StartTimestamp = startMillis(d)
	for _, tp := range d.Partitions {
		n := len(out.Topics)
		if n == 0 || out.Topics[n-1].Topic != tp.Topic {
			out.Topics = append(out.Topics, kmsg.DescribeTransactionsResponseTransactionStateTopic{Topic: tp.Topic})
			n++
		}
		out.Topics[n-1].Partitions = append(out.Topics[n-1].Partitions, tp.Partition)
	}
}

// startMillis is when a transactional id's last transaction began, -1 before the first.
func startMillis(d *txn.Description) int64 {
	if d.Start.IsZero() {
		return -1
	}
	return d.Start.UnixMilli()
}

// listTransactions lists transactional ids that pass the filters.
func (h *Handler) listTransactions(ctx context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.ListTransactionsRequest)
	resp := kmsg.NewPtrListTransactionsResponse()
	resp.UnknownStateFilters, resp.TransactionStates = []string{}, []kmsg.ListTransactionsResponseTransactionState{}
	for _, name := range in.StateFilters {
		if _, known := txn.ParseState(name); !known {
			resp.UnknownStateFilters = append(resp.UnknownStateFilters, name)
		}
	}
	pattern, err := regexp.Compile("^(?:" + deref(in.TransactionalIDPattern) + ")$")
	if err != nil {
		resp.ErrorCode = kerr.InvalidRegularExpression.Code
		req.Reply(resp)
		return
	}
	all, err := h.Transactions.List(ctx)
	if err != nil {
		resp.ErrorCode = int16(coordinator.LoadInProgress)
		req.Reply(resp)
		return
	}
	for _, d := range all {
		if !h.listed(in, pattern, &d) || !h.may(req, auth.OpDescribe, auth.ResourceTransactionalID, d.ID) {
			continue
		}
		out := kmsg.NewListTransactionsResponseTransactionState()
		out.TransactionalID, out.ProducerID, out.TransactionState = d.ID, d.Producer.ID, d.State.String()
		resp.TransactionStates = append(resp.TransactionStates, out)
	}
	req.Reply(resp)
}

func (h *Handler) listed(in *kmsg.ListTransactionsRequest, pattern *regexp.Regexp, d *txn.Description) bool {
	switch {
	case len(in.StateFilters) > 0 && !slices.Contains(in.StateFilters, d.State.String()):
		return false
	case len(in.ProducerIDFilters) > 0 && !slices.Contains(in.ProducerIDFilters, d.Producer.ID):
		return false
	case deref(in.TransactionalIDPattern) != "" && !pattern.MatchString(d.ID):
		return false
	case in.Version >= 1 && in.DurationFilterMillis >= 0:
		return h.Clock().UnixMilli()-startMillis(d) > in.DurationFilterMillis // as Kafka: those that never began count as old
	}
	return true
}

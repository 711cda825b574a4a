package handler

import (
	"context"
	"regexp"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/coordinator"
	"github.com/freshetdb/freshet/broker/txn"
	"github.com/freshetdb/freshet/broker/wire"
)

// endTxn commits or aborts a transaction; it is answered when the decision is committed.
func (h *Handler) endTxn(_ context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.EndTxnRequest)
	end := txn.EndRequest{
		ID: in.TransactionalID, Producer: coordinator.Producer{ID: in.ProducerID, Epoch: in.ProducerEpoch}, Commit: in.Commit,
	}
	h.Transactions.End(end, txn.EndCallbacks{Decided: func(code coordinator.Code) {
		resp := kmsg.NewPtrEndTxnResponse()
		resp.ErrorCode = fencedCode(code, in.Version, txnKnowsFenced)
		resp.ProducerID, resp.ProducerEpoch = -1, -1
		req.Reply(resp)
	}})
}

// describeTransactions tells of transactional ids.
func (h *Handler) describeTransactions(ctx context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.DescribeTransactionsRequest)
	resp := kmsg.NewPtrDescribeTransactionsResponse()
	resp.TransactionStates = []kmsg.DescribeTransactionsResponseTransactionState{}
	for _, id := range in.TransactionalIDs {
		d := h.Transactions.Describe(ctx, id)
		out := kmsg.NewDescribeTransactionsResponseTransactionState()
		out.TransactionalID, out.ErrorCode = id, int16(d.Code)
		out.ProducerID, out.ProducerEpoch, out.StartTimestamp = -1, -1, -1
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
	if !d.Start.IsZero() {
		out.StartTimestamp = d.Start.UnixMilli()
	}
	for _, tp := range d.Partitions {
		n := len(out.Topics)
		if n == 0 || out.Topics[n-1].Topic != tp.Topic {
			out.Topics = append(out.Topics, kmsg.DescribeTransactionsResponseTransactionStateTopic{Topic: tp.Topic})
			n++
		}
		out.Topics[n-1].Partitions = append(out.Topics[n-1].Partitions, tp.Partition)
	}
}

// transactionStates are the states a ListTransactions filter may name.
var transactionStates = []txn.State{
	txn.Empty, txn.Ongoing, txn.PrepareCommit, txn.PrepareAbort, txn.CompleteCommit, txn.CompleteAbort,
}

// listTransactions lists transactional ids that pass the filters.
func (h *Handler) listTransactions(ctx context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.ListTransactionsRequest)
	resp := kmsg.NewPtrListTransactionsResponse()
	resp.UnknownStateFilters, resp.TransactionStates = []string{}, []kmsg.ListTransactionsResponseTransactionState{}
	for _, name := range in.StateFilters {
		if !slices.ContainsFunc(transactionStates, func(s txn.State) bool { return s.String() == name }) {
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
		if !h.listed(in, pattern, &d) {
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
		age := time.Duration(in.DurationFilterMillis) * time.Millisecond
		return !d.Start.IsZero() && h.Clock().Sub(d.Start) >= age
	}
	return true
}

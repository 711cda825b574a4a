package handler

import (
	"context"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/auth"
	"github.com/freshetdb/freshet/broker/coordinator"
	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/broker/txn"
	"github.com/freshetdb/freshet/broker/wire"
)

// addBatched is the first version of AddPartitionsToTxn that brokers send for many transactions at once; clients stay below.
const addBatched = 4

// addPartitionsToTxn lets partitions take part in transactions: all of a transaction or, when one can't, none.
func (h *Handler) addPartitionsToTxn(_ context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.AddPartitionsToTxnRequest)
	if in.Version >= addBatched {
		h.addBatchedPartitions(req, in)
		return
	}
	one := kmsg.AddPartitionsToTxnRequestTransaction{
		TransactionalID: in.TransactionalID, ProducerID: in.ProducerID, ProducerEpoch: in.ProducerEpoch,
	}
	for _, t := range in.Topics {
		one.Topics = append(one.Topics, kmsg.AddPartitionsToTxnRequestTransactionTopic{Topic: t.Topic, Partitions: t.Partitions})
	}
	h.addToTransaction(req, in.Version, &one, func(out kmsg.AddPartitionsToTxnResponseTransaction) {
		resp := kmsg.NewPtrAddPartitionsToTxnResponse()
		for _, t := range out.Topics {
			to := kmsg.AddPartitionsToTxnResponseTopic{Topic: t.Topic}
			for _, p := range t.Partitions {
				to.Partitions = append(to.Partitions, kmsg.AddPartitionsToTxnResponseTopicPartition{Partition: p.Partition, ErrorCode: p.ErrorCode})
			}
			resp.Topics = append(resp.Topics, to)
		}
		req.Reply(resp)
	})
}

// addBatchedPartitions serves other brokers, which have looked at what their clients may do.
func (h *Handler) addBatchedPartitions(req *wire.Request, in *kmsg.AddPartitionsToTxnRequest) {
	resp := kmsg.NewPtrAddPartitionsToTxnResponse()
	resp.Transactions = []kmsg.AddPartitionsToTxnResponseTransaction{}
	if !h.may(req, auth.OpClusterAction, auth.ResourceCluster, auth.ClusterName) {
		resp.ErrorCode = int16(mayNotCluster)
		req.Reply(resp)
		return
	}
	if len(in.Transactions) == 0 {
		req.Reply(resp)
		return
	}
	resp.Transactions = make([]kmsg.AddPartitionsToTxnResponseTransaction, len(in.Transactions))
	pending := countdown(len(in.Transactions), func() { req.Reply(resp) })
	for i := range in.Transactions {
		h.addToTransaction(req, in.Version, &in.Transactions[i], func(out kmsg.AddPartitionsToTxnResponseTransaction) {
			resp.Transactions[i] = out
			pending()
		})
	}
}

// countdown gives a function whose nth call calls done.
func countdown(n int, done func()) func() {
	var mu sync.Mutex
	return func() {
		mu.Lock()
		n--
		last := n == 0
		mu.Unlock()
		if last {
			done()
		}
	}
}

// addToTransaction adds partitions to one transaction, or verifies them.
func (h *Handler) addToTransaction(req *wire.Request, version int16, in *kmsg.AddPartitionsToTxnRequestTransaction, reply func(kmsg.AddPartitionsToTxnResponseTransaction)) {
	out := kmsg.NewAddPartitionsToTxnResponseTransaction()
	out.TransactionalID = in.TransactionalID
	out.Topics = []kmsg.AddPartitionsToTxnResponseTransactionTopic{}
	fromClient := version < addBatched
	refused := fromClient && !h.may(req, auth.OpWrite, auth.ResourceTransactionalID, in.TransactionalID)
	var joining []txn.TopicPartition
	missing := false
	img := h.Quorum.Image()
	for _, t := range in.Topics {
		to := kmsg.NewAddPartitionsToTxnResponseTransactionTopic()
		to.Topic = t.Topic
		known := img.Topic(t.Topic)
		forbidden := fromClient && (metadata.IsInternal(t.Topic) || !h.may(req, auth.OpWrite, auth.ResourceTopic, t.Topic)) // internal ones for everybody, as in Kafka
		for _, p := range t.Partitions {
			code := hasPartition(known, p)
			switch {
			case refused:
				code = mayNotTxn
			case forbidden:
				code = mayNotTopic
			}
			missing = missing || code != coordinator.OK
			joining = append(joining, txn.TopicPartition{Topic: t.Topic, Partition: p})
			to.Partitions = append(to.Partitions, kmsg.AddPartitionsToTxnResponseTransactionTopicPartition{Partition: p, ErrorCode: int16(code)})
		}
		out.Topics = append(out.Topics, to)
	}
	settle := func(codeOf func(i int) int16) {
		i := 0
		for t := range out.Topics {
			for p := range out.Topics[t].Partitions {
				if slot := &out.Topics[t].Partitions[p].ErrorCode; *slot == 0 {
					*slot = codeOf(i)
				}
				i++
			}
		}
		reply(out)
	}
	if missing {
		settle(func(int) int16 { return kerr.OperationNotAttempted.Code })
		return
	}
	add := txn.AddRequest{
		ID: in.TransactionalID, Producer: coordinator.Producer{ID: in.ProducerID, Epoch: in.ProducerEpoch},
		Partitions: joining, Version: txnVersion(!fromClient),
	}
	if in.VerifyOnly {
		h.Transactions.VerifyPartitions(add, func(codes []coordinator.Code) {
			settle(func(i int) int16 { return int16(codes[i]) })
		})
		return
	}
	h.Transactions.AddPartitions(add, func(code coordinator.Code) {
		settle(func(int) int16 { return fencedCode(code, version, txnKnowsFenced) })
	})
}

// addOffsetsToTxn lets a group's partition of __consumer_offsets take part in a transaction.
func (h *Handler) addOffsetsToTxn(_ context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.AddOffsetsToTxnRequest)
	reply := func(code int16) {
		resp := kmsg.NewPtrAddOffsetsToTxnResponse()
		resp.ErrorCode = code
		req.Reply(resp)
	}
	switch {
	case !h.may(req, auth.OpWrite, auth.ResourceTransactionalID, in.TransactionalID):
		reply(int16(mayNotTxn))
		return
	case !h.may(req, auth.OpRead, auth.ResourceGroup, in.Group):
		reply(int16(mayNotGroup))
		return
	}
	h.Transactions.AddPartitions(txn.AddRequest{
		ID: in.TransactionalID, Producer: coordinator.Producer{ID: in.ProducerID, Epoch: in.ProducerEpoch},
		Partitions: []txn.TopicPartition{h.offsetsPartition(in.Group)}, Version: txn.V1,
	}, func(code coordinator.Code) { reply(fencedCode(code, in.Version, txnKnowsFenced)) })
}

// offsetsPartition is the partition that keeps a group's positions.
func (h *Handler) offsetsPartition(group string) txn.TopicPartition {
	return txn.TopicPartition{Topic: metadata.OffsetsTopic, Partition: h.Groups.PartitionFor(group)}
}

package handler

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/coordinator"
	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/broker/txn"
	"github.com/freshetdb/freshet/broker/wire"
)

// addPartitionsToTxn lets partitions take part in a transaction: all of them or, when one does not exist, none.
func (h *Handler) addPartitionsToTxn(_ context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.AddPartitionsToTxnRequest)
	resp := kmsg.NewPtrAddPartitionsToTxnResponse()
	var joining []txn.TopicPartition
	missing := false
	img := h.Quorum.Image()
	for _, t := range in.Topics {
		out := kmsg.NewAddPartitionsToTxnResponseTopic()
		out.Topic = t.Topic
		known := img.Topic(t.Topic)
		for _, p := range t.Partitions {
			code := hasPartition(known, p)
			missing = missing || code != coordinator.OK
			joining = append(joining, txn.TopicPartition{Topic: t.Topic, Partition: p})
			out.Partitions = append(out.Partitions, kmsg.AddPartitionsToTxnResponseTopicPartition{Partition: p, ErrorCode: int16(code)})
		}
		resp.Topics = append(resp.Topics, out)
	}
	setAll := func(code int16) {
		for i := range resp.Topics {
			for j := range resp.Topics[i].Partitions {
				if p := &resp.Topics[i].Partitions[j]; p.ErrorCode == 0 {
					p.ErrorCode = code
				}
			}
		}
		req.Reply(resp)
	}
	if missing {
		setAll(kerr.OperationNotAttempted.Code)
		return
	}
	p := coordinator.Producer{ID: in.ProducerID, Epoch: in.ProducerEpoch}
	h.Transactions.AddPartitions(in.TransactionalID, p, joining, func(code coordinator.Code) {
		setAll(fencedCode(code, in.Version, txnKnowsFenced))
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
	if in.Group == "" {
		reply(int16(coordinator.InvalidGroupID))
		return
	}
	joining := []txn.TopicPartition{{Topic: metadata.OffsetsTopic, Partition: h.Groups.PartitionFor(in.Group)}}
	p := coordinator.Producer{ID: in.ProducerID, Epoch: in.ProducerEpoch}
	h.Transactions.AddPartitions(in.TransactionalID, p, joining, func(code coordinator.Code) {
		reply(fencedCode(code, in.Version, txnKnowsFenced))
	})
}

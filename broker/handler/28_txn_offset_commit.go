package handler

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/auth"
	"github.com/freshetdb/freshet/broker/coordinator"
	"github.com/freshetdb/freshet/broker/group"
	"github.com/freshetdb/freshet/broker/wire"
	"github.com/freshetdb/freshet/storage/log"
)

// txnOffsetCommit stores positions that count when the producer's transaction commits.
func (h *Handler) txnOffsetCommit(_ context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.TxnOffsetCommitRequest)
	img := h.Quorum.Image()
	resp := kmsg.NewPtrTxnOffsetCommitResponse()
	var accepted []group.TopicOffset
	var slots []*int16
	resp.Topics = make([]kmsg.TxnOffsetCommitResponseTopic, len(in.Topics))
	whole := h.mayCommitTxn(req, in)
	for i := range in.Topics {
		from, out := &in.Topics[i], &resp.Topics[i]
		out.Topic = from.Topic
		out.Partitions = make([]kmsg.TxnOffsetCommitResponseTopicPartition, len(from.Partitions))
		t := img.Topic(from.Topic)
		refused := whole
		if refused == coordinator.OK && !h.may(req, auth.OpRead, auth.ResourceTopic, from.Topic) {
			refused = mayNotTopic
		}
		for j := range from.Partitions {
			p := &from.Partitions[j]
			out.Partitions[j].Partition = p.Partition
			code := &out.Partitions[j].ErrorCode
			if *code = int16(refused); *code != 0 {
				continue
			}
			if *code = int16(hasPartition(t, p.Partition)); *code != 0 {
				continue
			}
			slots = append(slots, code)
			accepted = append(accepted, group.TopicOffset{Topic: from.Topic, Partition: p.Partition, Offset: group.Offset{
				Offset: p.Offset, LeaderEpoch: p.LeaderEpoch, Metadata: deref(p.Metadata),
			}})
		}
	}
	if len(accepted) == 0 {
		req.Reply(resp)
		return
	}
	who := group.Committer{Group: in.Group, MemberID: in.MemberID, InstanceID: deref(in.InstanceID), Generation: in.Generation}
	p := coordinator.Producer{ID: in.ProducerID, Epoch: in.ProducerEpoch}
	h.joinOffsets(in, func(code int16) {
		if code == 0 {
			h.commitTxn(who, p, accepted, slots, func() { req.Reply(resp) })
			return
		}
		for _, slot := range slots {
			*slot = code
		}
		req.Reply(resp)
	})
}

func (h *Handler) commitTxn(who group.Committer, p coordinator.Producer, accepted []group.TopicOffset, slots []*int16, done func()) {
	h.Groups.CommitTxn(who, p, accepted, func(answers []group.TopicOffset) {
		for i, a := range answers {
			*slots[i] = commitCode(a.Code)
		}
		done()
	})
}

// mayCommitTxn tells why positions can't be stored at all, OK when they can.
func (h *Handler) mayCommitTxn(req *wire.Request, in *kmsg.TxnOffsetCommitRequest) coordinator.Code {
	switch {
	case !h.may(req, auth.OpWrite, auth.ResourceTransactionalID, in.TransactionalID):
		return mayNotTxn
	case !h.may(req, auth.OpRead, auth.ResourceGroup, in.Group):
		return mayNotGroup
	case in.Group == "":
		return coordinator.InvalidGroupID
	}
	return coordinator.OK
}

// Versions of TxnOffsetCommit at which transactions change.
const (
	txnOffsetsAbortable = 4 // knows TRANSACTION_ABORTABLE
	txnOffsetsAdds      = 5 // the group's partition is added to the transaction (KIP-890); before, clients have
)

// joinOffsets sees to it that the transaction includes the partition that keeps the group's positions.
func (h *Handler) joinOffsets(in *kmsg.TxnOffsetCommitRequest, then func(code int16)) {
	tp := h.offsetsPartition(in.Group)
	target, err := h.Replicas.Partition(tp.Topic, tp.Partition)
	if err != nil {
		then(int16(coordinator.NotCoordinator))
		return
	}
	adds := in.Version >= txnOffsetsAdds
	who := log.JoinRequest{ProducerID: in.ProducerID, ProducerEpoch: in.ProducerEpoch, Sequence: -1}
	ask := func(done func(error)) {
		h.include(txnVersion(adds), in.TransactionalID, who, tp, func(code coordinator.Code) {
			done(txnOffsetsCode(code, in.Version).Err())
		})
	}
	target.Join(who, ask, func(err error) { then(h.code(err)) })
}

// txnOffsetsCode gives a coordinator's answer as clients of a version of TxnOffsetCommit understand it. Where they do not try
// again after a passing error, COORDINATOR_LOAD_IN_PROGRESS makes them.
func txnOffsetsCode(code coordinator.Code, version int16) coordinator.Code {
	switch code {
	case coordinator.ProducerFenced:
		return coordinator.InvalidProducerEpoch
	case coordinator.TransactionAbortable:
		if version < txnOffsetsAbortable {
			return coordinator.InvalidTxnState
		}
	case coordinator.ConcurrentTransactions:
		if version < txnOffsetsAdds {
			return coordinator.LoadInProgress
		}
	case coordinator.NotAvailable, coordinator.NotCoordinator, coordinator.RequestTimedOut:
		return coordinator.LoadInProgress
	}
	return code
}

package handler

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/coordinator"
	"github.com/freshetdb/freshet/broker/group"
	"github.com/freshetdb/freshet/broker/wire"
)

// txnOffsetCommit stores positions that count when the producer's transaction commits.
func (h *Handler) txnOffsetCommit(_ context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.TxnOffsetCommitRequest)
	img := h.Quorum.Image()
	resp := kmsg.NewPtrTxnOffsetCommitResponse()
	var accepted []group.TopicOffset
	var slots []*int16
	resp.Topics = make([]kmsg.TxnOffsetCommitResponseTopic, len(in.Topics))
	for i := range in.Topics {
		from, out := &in.Topics[i], &resp.Topics[i]
		out.Topic = from.Topic
		out.Partitions = make([]kmsg.TxnOffsetCommitResponseTopicPartition, len(from.Partitions))
		t := img.Topic(from.Topic)
		for j := range from.Partitions {
			p := &from.Partitions[j]
			out.Partitions[j].Partition = p.Partition
			code := &out.Partitions[j].ErrorCode
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
	h.Groups.CommitTxn(who, p, accepted, func(answers []group.TopicOffset) {
		for i, a := range answers {
			*slots[i] = commitCode(a.Code)
		}
		req.Reply(resp)
	})
}

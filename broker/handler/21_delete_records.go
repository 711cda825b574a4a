package handler

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/broker/wire"
)

// deleteRecords moves partitions' first offsets up.
func (h *Handler) deleteRecords(_ context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.DeleteRecordsRequest)
	resp := kmsg.NewPtrDeleteRecordsResponse()
	for _, t := range in.Topics {
		topic := kmsg.NewDeleteRecordsResponseTopic()
		topic.Topic = t.Topic
		for _, p := range t.Partitions {
			out := kmsg.NewDeleteRecordsResponseTopicPartition()
			out.Partition = p.Partition
			low, err := h.deleteBefore(t.Topic, p.Partition, p.Offset)
			out.LowWatermark, out.ErrorCode = low, h.code(err)
			topic.Partitions = append(topic.Partitions, out)
		}
		resp.Topics = append(resp.Topics, topic)
	}
	req.Reply(resp)
}

// unknownLowWatermark stands in the answer to a failed deletion.
const unknownLowWatermark = -1

func (h *Handler) deleteBefore(topic string, index int32, before int64) (int64, error) {
	if metadata.IsInternal(topic) {
		return unknownLowWatermark, kerr.PolicyViolation
	}
	p, err := h.Replicas.Partition(topic, index)
	if err != nil {
		return unknownLowWatermark, err
	}
	low, err := p.DeleteRecords(before)
	if err != nil {
		return unknownLowWatermark, err
	}
	return low, nil
}

// offsetForLeaderEpoch tells where a leader epoch ended, for consumers that check for truncation (KIP-320).
func (h *Handler) offsetForLeaderEpoch(_ context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.OffsetForLeaderEpochRequest)
	resp := kmsg.NewPtrOffsetForLeaderEpochResponse()
	for _, t := range in.Topics {
		topic := kmsg.NewOffsetForLeaderEpochResponseTopic()
		topic.Topic = t.Topic
		for i := range t.Partitions {
			topic.Partitions = append(topic.Partitions, h.epochEnd(t.Topic, &t.Partitions[i]))
		}
		resp.Topics = append(resp.Topics, topic)
	}
	req.Reply(resp)
}

func (h *Handler) epochEnd(topic string, in *kmsg.OffsetForLeaderEpochRequestTopicPartition) kmsg.OffsetForLeaderEpochResponseTopicPartition {
	out := kmsg.NewOffsetForLeaderEpochResponseTopicPartition()
	out.Partition, out.LeaderEpoch, out.EndOffset = in.Partition, -1, -1
	p, err := h.Replicas.Partition(topic, in.Partition)
	if err == nil {
		err = p.CheckEpoch(in.CurrentLeaderEpoch)
	}
	if err == nil {
		out.LeaderEpoch, out.EndOffset, err = p.EpochEnd(in.LeaderEpoch)
	}
	out.ErrorCode = h.code(err)
	return out
}

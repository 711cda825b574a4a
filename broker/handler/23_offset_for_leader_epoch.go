package handler

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/auth"
	"github.com/freshetdb/freshet/broker/wire"
)

// offsetForLeaderEpoch tells where a leader epoch ended, for consumers that check for truncation (KIP-320).
func (h *Handler) offsetForLeaderEpoch(_ context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.OffsetForLeaderEpochRequest)
	resp := kmsg.NewPtrOffsetForLeaderEpochResponse()
	for _, t := range in.Topics {
		allowed := h.may(req, auth.OpDescribe, auth.ResourceTopic, t.Topic)
		topic := kmsg.NewOffsetForLeaderEpochResponseTopic()
		topic.Topic = t.Topic
		for i := range t.Partitions {
			topic.Partitions = append(topic.Partitions, h.epochEnd(allowed, t.Topic, &t.Partitions[i]))
		}
		resp.Topics = append(resp.Topics, topic)
	}
	req.Reply(resp)
}

func (h *Handler) epochEnd(allowed bool, topic string, in *kmsg.OffsetForLeaderEpochRequestTopicPartition) kmsg.OffsetForLeaderEpochResponseTopicPartition {
	out := kmsg.NewOffsetForLeaderEpochResponseTopicPartition()
	out.Partition, out.LeaderEpoch, out.EndOffset = in.Partition, -1, -1
	if !allowed {
		out.ErrorCode = kerr.TopicAuthorizationFailed.Code
		return out
	}
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

package handler

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/auth"
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
		allowed := h.may(req, auth.OpDelete, auth.ResourceTopic, t.Topic)
		for _, p := range t.Partitions {
			out := kmsg.NewDeleteRecordsResponseTopicPartition()
			out.Partition = p.Partition
			low, err := int64(unknownLowWatermark), error(kerr.TopicAuthorizationFailed)
			if allowed {
				low, err = h.deleteBefore(t.Topic, p.Partition, p.Offset)
			}
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
		return unknownLowWatermark, kerr.InvalidTopicException
	}
	p, err := h.Replicas.Partition(topic, index)
	if err != nil {
		return unknownLowWatermark, err
	}
	if c := p.Config(); c.Compact && !c.Delete {
		return unknownLowWatermark, kerr.PolicyViolation
	}
	low, err := p.DeleteRecords(before)
	if err != nil {
		return unknownLowWatermark, err
	}
	return low, nil
}

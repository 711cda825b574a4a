package handler

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/auth"
	"github.com/freshetdb/freshet/broker/wire"
)

// describeProducers tells which idempotent producers partitions remember, and what transactions they hold open (KIP-664).
func (h *Handler) describeProducers(_ context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.DescribeProducersRequest)
	resp := kmsg.NewPtrDescribeProducersResponse()
	resp.Topics = []kmsg.DescribeProducersResponseTopic{}
	for _, t := range in.Topics {
		out := kmsg.NewDescribeProducersResponseTopic()
		out.Topic = t.Topic
		for _, p := range t.Partitions {
			if !h.may(req, auth.OpRead, auth.ResourceTopic, t.Topic) {
				refused := kmsg.NewDescribeProducersResponseTopicPartition()
				refused.Partition, refused.ErrorCode = p, int16(mayNotTopic)
				refused.ActiveProducers = []kmsg.DescribeProducersResponseTopicPartitionActiveProducer{}
				out.Partitions = append(out.Partitions, refused)
				continue
			}
			out.Partitions = append(out.Partitions, h.producersOf(t.Topic, p))
		}
		resp.Topics = append(resp.Topics, out)
	}
	req.Reply(resp)
}

func (h *Handler) producersOf(topic string, partition int32) kmsg.DescribeProducersResponseTopicPartition {
	out := kmsg.NewDescribeProducersResponseTopicPartition()
	out.Partition = partition
	out.ActiveProducers = []kmsg.DescribeProducersResponseTopicPartitionActiveProducer{}
	p, err := h.Replicas.Partition(topic, partition)
	if err != nil {
		out.ErrorCode, out.ErrorMessage = h.failure(err)
		return out
	}
	producers, err := p.Producers()
	if err != nil {
		out.ErrorCode, out.ErrorMessage = h.failure(err)
		return out
	}
	for _, s := range producers {
		out.ActiveProducers = append(out.ActiveProducers, kmsg.DescribeProducersResponseTopicPartitionActiveProducer{
			ProducerID: s.ProducerID, ProducerEpoch: int32(s.ProducerEpoch), LastSequence: s.LastSequence,
			LastTimestamp: s.LastTimestamp, CoordinatorEpoch: s.CoordinatorEpoch, CurrentTxnStartOffset: s.TxnFirstOffset,
		})
	}
	return out
}

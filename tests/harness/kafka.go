package harness

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// createTimeoutMS is how long a node may take to make a topic.
const createTimeoutMS = 10_000

// byDefault asks for the cluster's own number of replicas.
const byDefault = -1

// Of a ListOffsets request: whose view, and which end.
const (
	readUncommitted = 0
	readCommitted   = 1
	latest          = -1
)

// CreateTopic makes a topic of the cluster's number of replicas that keeps its records for ever, whatever their timestamps.
func CreateTopic(ctx context.Context, cl *kgo.Client, topic string, partitions int32) error {
	spec := kmsg.NewCreateTopicsRequestTopic()
	spec.Topic, spec.NumPartitions, spec.ReplicationFactor = topic, partitions, byDefault
	keep := kmsg.NewCreateTopicsRequestTopicConfig()
	keep.Name, keep.Value = "retention.ms", new("-1")
	spec.Configs = append(spec.Configs, keep)
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Topics, req.TimeoutMillis = append(req.Topics, spec), createTimeoutMS
	resp, err := req.RequestWith(ctx, cl)
	if err == nil {
		err = kerr.ErrorForCode(resp.Topics[0].ErrorCode)
	}
	if err != nil {
		return fmt.Errorf("create topic %s: %w", topic, err)
	}
	return nil
}

// StableEnds gives the last stable offset of every partition of a topic: where its readers of committed records end.
func StableEnds(ctx context.Context, cl *kgo.Client, topic string) (map[int32]int64, error) {
	return ends(ctx, cl, topic, readCommitted)
}

// Ends gives the end of every partition of a topic, open transactions included.
func Ends(ctx context.Context, cl *kgo.Client, topic string) (map[int32]int64, error) {
	return ends(ctx, cl, topic, readUncommitted)
}

func ends(ctx context.Context, cl *kgo.Client, topic string, isolation int8) (map[int32]int64, error) {
	meta := kmsg.NewPtrMetadataRequest()
	mt := kmsg.NewMetadataRequestTopic()
	mt.Topic = &topic
	meta.Topics = append(meta.Topics, mt)
	known, err := meta.RequestWith(ctx, cl)
	if err != nil {
		return nil, err
	}
	if err := kerr.ErrorForCode(known.Topics[0].ErrorCode); err != nil {
		return nil, fmt.Errorf("topic %s: %w", topic, err)
	}
	req := kmsg.NewPtrListOffsetsRequest()
	req.IsolationLevel = isolation
	rt := kmsg.NewListOffsetsRequestTopic()
	rt.Topic = topic
	for _, p := range known.Topics[0].Partitions {
		rp := kmsg.NewListOffsetsRequestTopicPartition()
		rp.Partition, rp.Timestamp = p.Partition, latest
		rt.Partitions = append(rt.Partitions, rp)
	}
	req.Topics = append(req.Topics, rt)
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return nil, err
	}
	out := map[int32]int64{}
	for _, p := range resp.Topics[0].Partitions {
		if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
			return nil, fmt.Errorf("end of %s-%d: %w", topic, p.Partition, err)
		}
		out[p.Partition] = p.Offset
	}
	return out, nil
}

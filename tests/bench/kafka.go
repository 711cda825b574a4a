package main

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/tests/harness"
)

// endOffset is the sum of the offsets at which a topic's committed records end.
func endOffset(ctx context.Context, brokers, topic string) (int64, error) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(brokers))
	if err != nil {
		return 0, err
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	ends, err := harness.StableEnds(ctx, cl, topic)
	if err != nil {
		return 0, err
	}
	var sum int64
	for _, end := range ends {
		sum += end
	}
	return sum, nil
}

// silence ends a count: no record came for so long after the end was reached.
const silence = 2 * time.Second

// countRecords reads a topic from its start, committed records only, and counts.
func countRecords(ctx context.Context, brokers, topic string) (int64, error) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(brokers), kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.FetchMaxPartitionBytes(8<<20))
	if err != nil {
		return 0, err
	}
	defer cl.Close()
	var n int64
	for {
		poll, cancel := context.WithTimeout(ctx, silence)
		f := cl.PollFetches(poll)
		cancel()
		got := int64(f.NumRecords())
		n += got
		if got == 0 {
			return n, ctx.Err()
		}
	}
}

func deleteTopic(ctx context.Context, brokers, topic string) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(brokers))
	if err != nil {
		return err
	}
	defer cl.Close()
	req := kmsg.NewPtrDeleteTopicsRequest()
	req.TopicNames = []string{topic}
	t := kmsg.NewDeleteTopicsRequestTopic()
	t.Topic = new(topic)
	req.Topics = append(req.Topics, t)
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return err
	}
	if code := resp.Topics[0].ErrorCode; code != 0 {
		return fmt.Errorf("delete topic %s: error %d", topic, code)
	}
	return nil
}

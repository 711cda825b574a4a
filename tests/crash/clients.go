package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/tests/harness"
)

// client works on a topic of its own while the node dies.
type client interface {
	// stop ends the work; what was sent by then is acknowledged when it returns.
	stop(ctx context.Context) error
	// check compares what the node has with what the client was told.
	check(ctx context.Context, brokers string) error
}

// startClients starts those that need a log of the node's own: on a foreign cluster it is not the log that dies.
func startClients(ctx context.Context, brokers string, over *secure, seed uint64) ([]client, error) {
	keys, err := startKeyed(ctx, over, seed)
	if err != nil {
		return nil, fmt.Errorf("over TLS: %w", err)
	}
	trim, err := startTrimmed(ctx, brokers, seed)
	if err != nil {
		return nil, err
	}
	return []client{keys, trim, startReborn(brokers)}, nil
}

// patient are the options of a client that rides over the node's deaths.
func patient(opts ...kgo.Opt) []kgo.Opt {
	return append([]kgo.Opt{
		kgo.RecordRetries(1 << 30), kgo.ProducerLinger(0), kgo.MetadataMinAge(clientBackoff), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.RetryBackoffFn(func(int) time.Duration { return clientBackoff }),
	}, opts...)
}

// worker is a loop that ends with the first failure, or when it is asked to.
type worker struct {
	quit context.CancelFunc
	done chan error
}

// work calls step until it is stopped; a step must end with its ctx.
func work(step func(ctx context.Context) error) worker {
	ctx, quit := context.WithCancel(context.Background())
	w := worker{quit: quit, done: make(chan error, 1)}
	go func() {
		for {
			err := step(ctx)
			if err != nil && ctx.Err() == nil {
				w.done <- err
				return
			}
			select {
			case <-ctx.Done():
				w.done <- nil
				return
			case <-time.After(pacePause):
			}
		}
	}()
	return w
}

func (w *worker) end() error {
	w.quit()
	failed, err := await(w.done, "a client")
	return errors.Join(failed, err)
}

// makeTopic makes a topic with configs; one that is there already was made by an attempt whose answer was lost.
func makeTopic(ctx context.Context, cl *kgo.Client, name string, partitions int32, configs map[string]string) error {
	req := kmsg.NewPtrCreateTopicsRequest()
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, partitions, 1
	for key, value := range configs {
		c := kmsg.NewCreateTopicsRequestTopicConfig()
		c.Name, c.Value = key, &value
		topic.Configs = append(topic.Configs, c)
	}
	req.Topics = append(req.Topics, topic)
	resp, err := req.RequestWith(ctx, cl)
	if err == nil {
		err = kerr.ErrorForCode(resp.Topics[0].ErrorCode)
	}
	if errors.Is(err, kerr.TopicAlreadyExists) {
		return nil
	}
	return err
}

// readAll hands every record of a topic to each, up to the ends that partitions have now. Their last records must not be compacted away.
func readAll(ctx context.Context, topic string, each func(*kgo.Record) error, opts ...kgo.Opt) error {
	cl, err := kgo.NewClient(append(opts, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))...)
	if err != nil {
		return err
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(ctx, stuckAfter)
	defer cancel()
	ends, err := harness.Ends(ctx, cl, topic)
	if err != nil {
		return err
	}
	left := 0
	for _, end := range ends {
		left += int(min(end, 1))
	}
	for left > 0 {
		fetched := cl.PollFetches(ctx)
		if ctx.Err() != nil {
			return fmt.Errorf("topic %s: nothing came for %s, ends %v", topic, stuckAfter, ends)
		}
		for _, r := range fetched.Records() {
			if r.Offset == ends[r.Partition]-1 {
				left--
			}
			if err := each(r); err != nil {
				return err
			}
		}
	}
	return nil
}

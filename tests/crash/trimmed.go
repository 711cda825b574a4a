package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	trimmedTopic = "trimmed"
	trimmedBatch = 40
	trimmedOne   = 4   // one step in so many deletes
	trimmedKeep  = 500 // at most so many records are kept by a deletion
)

// trimmed writes numbered records, each at the offset of its number, and deletes the oldest.
type trimmed struct {
	worker
	client    *kgo.Client
	rnd       *rand.Rand
	acked     int64
	deleted   int64 // below this, as was confirmed
	attempted int64 // and perhaps below this
	deletions int
	looks     int
}

func startTrimmed(ctx context.Context, brokers string, seed uint64) (*trimmed, error) {
	t := &trimmed{rnd: rand.New(rand.NewPCG(seed, 201))}
	var err error
	if t.client, err = kgo.NewClient(patient(seeds(brokers), kgo.DefaultProduceTopic(trimmedTopic))...); err != nil {
		return nil, err
	}
	if err := makeTopic(ctx, t.client, trimmedTopic, 1, map[string]string{"segment.bytes": "16384", "retention.ms": "-1"}); err != nil {
		return nil, err
	}
	t.worker = work(t.step)
	return t, nil
}

func (t *trimmed) step(ctx context.Context) error {
	batch := make([]*kgo.Record, trimmedBatch)
	for i := range batch {
		batch[i] = &kgo.Record{Value: strconv.AppendInt(nil, t.acked+int64(i), 10)}
	}
	for _, made := range t.client.ProduceSync(context.Background(), batch...) { // not ctx: what is sent must be acknowledged
		if made.Err != nil {
			return made.Err
		}
		if made.Record.Offset != t.acked {
			return fmt.Errorf("%s: record %d is at offset %d", trimmedTopic, t.acked, made.Record.Offset)
		}
		t.acked++
	}
	if t.rnd.IntN(trimmedOne) == 0 {
		t.attempted = max(t.attempted, t.acked-int64(t.rnd.IntN(trimmedKeep)))
		if err := t.deleteBelow(ctx, t.attempted); err == nil {
			t.deleted = t.attempted
			t.deletions++
		}
	}
	start, err := t.start(ctx)
	if err != nil {
		return nil //nolint:nilerr // the node is down
	}
	t.looks++
	return t.fits(start)
}

// fits: the start is where a deletion has put it, and nowhere before the last confirmed one.
func (t *trimmed) fits(start int64) error {
	if start < t.deleted || start > t.attempted {
		return fmt.Errorf("%s starts at %d; deleted was below %d, and perhaps below %d", trimmedTopic, start, t.deleted, t.attempted)
	}
	return nil
}

func (t *trimmed) deleteBelow(ctx context.Context, offset int64) error {
	req := kmsg.NewPtrDeleteRecordsRequest()
	topic := kmsg.NewDeleteRecordsRequestTopic()
	topic.Topic = trimmedTopic
	p := kmsg.NewDeleteRecordsRequestTopicPartition()
	p.Offset = offset
	topic.Partitions = append(topic.Partitions, p)
	req.Topics = append(req.Topics, topic)
	resp, err := req.RequestWith(ctx, t.client)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(resp.Topics[0].Partitions[0].ErrorCode)
}

// earliest asks ListOffsets for where a partition starts.
const earliest = -2

func (t *trimmed) start(ctx context.Context) (int64, error) {
	req := kmsg.NewPtrListOffsetsRequest()
	topic := kmsg.NewListOffsetsRequestTopic()
	topic.Topic = trimmedTopic
	p := kmsg.NewListOffsetsRequestTopicPartition()
	p.Timestamp = earliest
	topic.Partitions = append(topic.Partitions, p)
	req.Topics = append(req.Topics, topic)
	resp, err := req.RequestWith(ctx, t.client)
	if err != nil {
		return 0, err
	}
	answer := resp.Topics[0].Partitions[0]
	return answer.Offset, kerr.ErrorForCode(answer.ErrorCode)
}

func (t *trimmed) stop(context.Context) error { return t.end() }

// check: what was not deleted is there, each record at its offset.
func (t *trimmed) check(ctx context.Context, brokers string) error {
	defer t.client.Close()
	start, err := t.start(ctx)
	if err != nil {
		return err
	}
	if err := t.fits(start); err != nil {
		return err
	}
	next := start
	if start < t.acked {
		err = readAll(ctx, trimmedTopic, func(r *kgo.Record) error {
			if r.Offset != next || string(r.Value) != strconv.FormatInt(next, 10) {
				return fmt.Errorf("%s at %d: record %q, expected is %d", trimmedTopic, r.Offset, r.Value, next)
			}
			next++
			return nil
		}, seeds(brokers))
	}
	if err != nil {
		return err
	}
	if next != t.acked {
		return fmt.Errorf("%s ends at %d, %d records were acknowledged", trimmedTopic, next, t.acked)
	}
	fmt.Printf("# deleted records: %d of %d in %d deletions, none came back in %d looks\n", start, t.acked, t.deletions, t.looks)
	return nil
}

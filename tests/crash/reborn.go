package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/tests/harness"
)

const (
	rebornTopic      = "reborn"
	rebornPartitions = 3
	rebornRecords    = 9
)

// reborn deletes a topic, makes it again and writes to it, over and over: nothing of a former life may come back.
type reborn struct {
	worker
	brokers string
	life    int  // the present one
	written bool // all its records are acknowledged
	lives   int  // that were written whole
}

func startReborn(brokers string) *reborn {
	r := &reborn{brokers: brokers}
	r.worker = work(r.step)
	return r
}

// step is a life. What the node's death keeps from being confirmed is left to the next step.
func (r *reborn) step(ctx context.Context) error {
	// A client of its own: it doesn't write to a topic whose id has changed.
	cl, err := kgo.NewClient(patient(seeds(r.brokers), kgo.DefaultProduceTopic(rebornTopic))...)
	if err != nil {
		return err
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(ctx, stuckAfter)
	defer cancel()
	r.written = false
	if err := removeTopic(ctx, cl, rebornTopic); err != nil && !errors.Is(err, kerr.UnknownTopicOrPartition) {
		return nil
	}
	r.life++
	if err := makeTopic(ctx, cl, rebornTopic, rebornPartitions, nil); err != nil {
		return nil
	}
	batch := make([]*kgo.Record, rebornRecords)
	for i := range batch {
		batch[i] = &kgo.Record{Partition: int32(i % rebornPartitions), Value: strconv.AppendInt(nil, int64(r.life), 10)}
	}
	if err := cl.ProduceSync(ctx, batch...).FirstErr(); err != nil {
		return nil
	}
	r.written = true
	r.lives++
	ends, err := harness.Ends(ctx, cl, rebornTopic)
	if err != nil {
		return nil // the node is down
	}
	for partition, end := range ends {
		if end != rebornRecords/rebornPartitions {
			return fmt.Errorf("%s-%d ends at %d in its life %d, %d records were written", rebornTopic, partition, end, r.life, rebornRecords/rebornPartitions)
		}
	}
	return nil
}

func removeTopic(ctx context.Context, cl *kgo.Client, name string) error {
	req := kmsg.NewPtrDeleteTopicsRequest()
	topic := kmsg.NewDeleteTopicsRequestTopic()
	topic.Topic = &name
	req.Topics, req.TopicNames = append(req.Topics, topic), append(req.TopicNames, name)
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(resp.Topics[0].ErrorCode)
}

func (r *reborn) stop(context.Context) error { return r.end() }

// check: the topic has the records of its last life and nothing else.
func (r *reborn) check(ctx context.Context, brokers string) error {
	seen := 0
	err := readAll(ctx, rebornTopic, func(rec *kgo.Record) error {
		seen++
		if string(rec.Value) != strconv.Itoa(r.life) {
			return fmt.Errorf("%s-%d at %d: of life %s, it is life %d", rebornTopic, rec.Partition, rec.Offset, rec.Value, r.life)
		}
		return nil
	}, seeds(brokers))
	if errors.Is(err, kerr.UnknownTopicOrPartition) && !r.written {
		err = nil // the end came between deleting and making
	}
	if err != nil {
		return err
	}
	if seen > rebornRecords || r.written && seen != rebornRecords {
		return fmt.Errorf("%s has %d records in life %d, written whole: %t", rebornTopic, seen, r.life, r.written)
	}
	fmt.Printf("# topic made again: %d lives, nothing of a former one came back\n", r.lives)
	return nil
}

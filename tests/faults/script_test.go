package faults

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// The script: rounds of a plain produce, a transaction, a committed position, keyed records on a compacted topic of tiny segments, and now and then
// deleted records and a new topic; and a topic that is deleted and made again.
const (
	scriptRounds = 8
	scriptBatch  = 3
	scriptKeys   = 4
	scriptGroup  = "script"
	scriptTxn    = "script"
	tinySegment  = "600"
)

func (s *scripted) prepare(address string) {
	cl := newClient(s.t, address)
	defer cl.Close()
	createTopic(s.t, cl, "plain", 2)
	createTopic(s.t, cl, "ledger", 2)
	if err := makeTopic(testContext(s.t), cl, "keyed", map[string]string{
		"cleanup.policy": "compact", "segment.bytes": tinySegment, "min.cleanable.dirty.ratio": "0.01",
	}); err != nil {
		s.t.Fatal(err)
	}
}

// makeTopic makes a topic of one partition.
func makeTopic(ctx context.Context, cl *kgo.Client, name string, configs map[string]string) error {
	req := kmsg.NewPtrCreateTopicsRequest()
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, 1, 1
	for key, value := range configs {
		c := kmsg.NewCreateTopicsRequestTopicConfig()
		c.Name, c.Value = key, &value
		topic.Configs = append(topic.Configs, c)
	}
	req.Topics = append(req.Topics, topic)
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(resp.Topics[0].ErrorCode)
}

// run runs the script until its end or the cut. Steps that fail for another reason than the cut are repeated: a full disk passes.
func (s *scripted) run(address string) {
	ctx, cancel := context.WithCancel(testContext(s.t))
	defer cancel()
	go func() { // ends with ctx at the latest
		select {
		case <-s.cut:
			cancel()
		case <-ctx.Done():
		}
	}()
	opts := []kgo.Opt{kgo.RecordPartitioner(kgo.ManualPartitioner())}
	cl := newClient(s.t, address, append(opts, kgo.MaxVersions(kversion.V3_8_0()))...) // positions by topic name
	defer cl.Close()
	// BeginTransaction takes no context: a client ends its wait for a coordinator that cannot write any more only by being closed.
	var release func() bool
	newTxn := func() *kgo.Client {
		txn := newClient(s.t, address, append(opts, kgo.TransactionalID(scriptTxn))...)
		release = context.AfterFunc(ctx, txn.Close)
		return txn
	}
	txn := newTxn()
	defer func() { release(); txn.Close() }()
	for round := range scriptRounds {
		for _, step := range []func(context.Context) error{
			func(ctx context.Context) error { return s.plainRound(ctx, cl, round) },
			func(ctx context.Context) error { return s.transaction(ctx, txn, round) },
			func(ctx context.Context) error { return s.commitPosition(ctx, cl, int64(round+1)) },
			func(ctx context.Context) error { return s.keyedRound(ctx, cl, round) },
			func(ctx context.Context) error { return s.housekeeping(ctx, cl, round) },
			func(ctx context.Context) error { return s.rebirth(ctx, cl) },
		} {
			for {
				err := step(ctx)
				if err == nil {
					break
				}
				if s.over() { // what the client is told may come before ctx ends
					return
				}
				if ctx.Err() != nil {
					s.t.Errorf("round %d: nothing goes on: %v", round, err)
					return
				}
				if s.plan == nil || !s.plan.kind.passes() {
					s.t.Errorf("round %d: %v", round, err)
					return
				}
				s.t.Logf("round %d, on a full disk: %v", round, err)
				select { // room comes back with operations, not with time; a failed step must not be repeated as fast as can be
				case <-time.After(retryPause):
				case <-ctx.Done():
				}
				release() // a failed transaction may have spoilt its client
				txn.Close()
				txn = newTxn()
			}
		}
	}
}

func (s *scripted) plainRound(ctx context.Context, cl *kgo.Client, round int) error {
	partition := int32(round % 2)
	for i := range scriptBatch {
		r := &kgo.Record{Topic: "plain", Partition: partition, Value: fmt.Appendf(nil, "%d-%d", round, i)}
		if err := cl.ProduceSync(ctx, r).FirstErr(); err != nil {
			return err
		}
		s.told(func() { s.plain[partition] = append(s.plain[partition], string(r.Value)) })
	}
	return nil
}

// transaction writes to both partitions of the ledger; every third one is aborted.
func (s *scripted) transaction(ctx context.Context, cl *kgo.Client, round int) error {
	id := strconv.Itoa(round) + "-" + strconv.Itoa(s.rng.IntN(1_000_000))
	if err := cl.BeginTransaction(); err != nil {
		return err
	}
	var produced error
	for partition := range int32(2) {
		for range scriptBatch {
			r := &kgo.Record{Topic: "ledger", Partition: partition, Value: []byte(id)}
			produced = errors.Join(produced, cl.ProduceSync(ctx, r).FirstErr())
		}
	}
	commit := produced == nil && round%3 != 2
	if err := cl.EndTransaction(ctx, kgo.TransactionEndTry(commit)); err != nil {
		return err
	}
	s.told(func() {
		if commit {
			s.committed = append(s.committed, id)
		} else {
			s.aborted = append(s.aborted, id)
		}
	})
	return produced
}

func (s *scripted) commitPosition(ctx context.Context, cl *kgo.Client, position int64) error {
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group = scriptGroup
	topic := kmsg.NewOffsetCommitRequestTopic()
	topic.Topic = "plain"
	p := kmsg.NewOffsetCommitRequestTopicPartition()
	p.Offset = position
	topic.Partitions = append(topic.Partitions, p)
	req.Topics = append(req.Topics, topic)
	req.Generation = -1
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return err
	}
	if err := kerr.ErrorForCode(resp.Topics[0].Partitions[0].ErrorCode); err != nil {
		return err
	}
	s.told(func() { s.position = position })
	return nil
}

func (s *scripted) keyedRound(ctx context.Context, cl *kgo.Client, round int) error {
	for i := range scriptKeys {
		key, value := "k"+strconv.Itoa(i), fmt.Sprintf("%03d", round)
		if err := cl.ProduceSync(ctx, &kgo.Record{Topic: "keyed", Key: []byte(key), Value: []byte(value)}).FirstErr(); err != nil {
			return err
		}
		s.told(func() { s.keyed[key] = value })
	}
	return nil
}

func (s *scripted) housekeeping(ctx context.Context, cl *kgo.Client, round int) error {
	if round%2 == 0 {
		return s.deleteRecords(ctx, cl, int64(round))
	}
	name := "made-" + strconv.Itoa(round)
	if err := makeTopic(ctx, cl, name, nil); err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
		return err
	}
	s.told(func() { s.topics = append(s.topics, name) })
	return nil
}

// rebornTopic is deleted and made again in every round, with one record that tells which life of the topic it is of.
const rebornTopic = "reborn"

// rebirth deletes a topic, makes it again and writes to it. The numbers of the topic's lives grow; a repeated step begins another one.
func (s *scripted) rebirth(ctx context.Context, cl *kgo.Client) error {
	s.told(func() { s.reborn = "" })
	if err := removeTopic(ctx, cl, rebornTopic); err != nil && !errors.Is(err, kerr.UnknownTopicOrPartition) {
		return err
	}
	life := s.lives
	s.lives++
	s.told(func() { s.rebornFrom = life })
	if err := makeTopic(ctx, cl, rebornTopic, nil); err != nil {
		return err
	}
	value := strconv.Itoa(life)
	cl.PurgeTopicsFromProducing(rebornTopic) // franz-go doesn't write to a topic whose id has changed
	if err := cl.ProduceSync(ctx, &kgo.Record{Topic: rebornTopic, Value: []byte(value)}).FirstErr(); err != nil {
		return err
	}
	s.told(func() { s.reborn = value })
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

func (s *scripted) deleteRecords(ctx context.Context, cl *kgo.Client, before int64) error {
	req := kmsg.NewPtrDeleteRecordsRequest()
	topic := kmsg.NewDeleteRecordsRequestTopic()
	topic.Topic = "plain"
	p := kmsg.NewDeleteRecordsRequestTopicPartition()
	p.Offset = before
	s.told(func() { s.deleting = before })
	topic.Partitions = append(topic.Partitions, p)
	req.Topics = append(req.Topics, topic)
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return err
	}
	if err := kerr.ErrorForCode(resp.Topics[0].Partitions[0].ErrorCode); err != nil {
		return err
	}
	s.told(func() { s.deleted = before })
	return nil
}

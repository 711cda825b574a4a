package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	keyedTopic      = "keyed"
	keyedPartitions = 2
	keyedKeys       = 300
	keyedBatch      = 20
	keyedDeletesOne = 5 // one record in so many deletes its key
	keyedPadding    = 100
	keyedEnd        = "end" // the key of a partition's last record
)

// keyed writes versions of keys, and deletions, to a compacted topic of small segments, over TLS and with a password.
type keyed struct {
	worker
	client *kgo.Client
	opts   []kgo.Opt
	rnd    *rand.Rand
	newest [keyedKeys]int64 // of each key, negative when that was a deletion, 0 for never written
	sent   int64
	failed atomic.Pointer[error]
}

func startKeyed(ctx context.Context, over *secure, seed uint64) (*keyed, error) {
	k := &keyed{opts: over.options(), rnd: rand.New(rand.NewPCG(seed, 200))}
	var err error
	if k.client, err = kgo.NewClient(patient(append(k.opts, kgo.DefaultProduceTopic(keyedTopic))...)...); err != nil {
		return nil, err
	}
	err = makeTopic(ctx, k.client, keyedTopic, keyedPartitions, map[string]string{
		"cleanup.policy": "compact", "segment.bytes": "65536", "min.cleanable.dirty.ratio": "0.1", "delete.retention.ms": "300",
	})
	if err != nil {
		return nil, err
	}
	k.worker = work(k.step)
	return k, nil
}

func (k *keyed) step(context.Context) error {
	for range keyedBatch {
		key := k.rnd.IntN(keyedKeys)
		k.sent++
		k.newest[key] = k.sent
		r := &kgo.Record{Key: strconv.AppendInt(nil, int64(key), 10), Partition: int32(key % keyedPartitions)}
		if k.rnd.IntN(keyedDeletesOne) == 0 {
			k.newest[key] = -k.sent
		} else {
			r.Value = []byte(strconv.FormatInt(k.sent, 10) + strings.Repeat(" ", keyedPadding))
		}
		k.produce(r)
	}
	if err := k.failed.Load(); err != nil {
		return *err
	}
	return nil
}

func (k *keyed) produce(r *kgo.Record) {
	k.client.Produce(context.Background(), r, func(_ *kgo.Record, err error) {
		if err != nil {
			k.failed.CompareAndSwap(nil, &err)
		}
	})
}

func (k *keyed) stop(ctx context.Context) error {
	if err := k.end(); err != nil {
		return fmt.Errorf("%s: %w", keyedTopic, err)
	}
	for partition := range int32(keyedPartitions) { // the last record of a partition stays
		k.produce(&kgo.Record{Key: []byte(keyedEnd), Value: []byte("0"), Partition: partition})
	}
	ctx, cancel := context.WithTimeout(ctx, stuckAfter)
	defer cancel()
	err := k.client.Flush(ctx)
	k.client.Close()
	if failed := k.failed.Load(); failed != nil {
		return *failed
	}
	return err
}

// check: of every key the newest version, or nothing when it was deleted; in a partition versions of a key in the order written.
func (k *keyed) check(ctx context.Context, _ string) error {
	var found [keyedKeys]int64
	left := 0
	err := readAll(ctx, keyedTopic, func(r *kgo.Record) error {
		left++
		if string(r.Key) == keyedEnd {
			return nil
		}
		key, err := strconv.Atoi(string(r.Key))
		if err != nil {
			return err
		}
		if r.Value == nil {
			found[key] = 0
			return nil
		}
		version, err := strconv.ParseInt(strings.TrimSpace(string(r.Value)), 10, 64)
		if err != nil || version <= found[key] {
			return fmt.Errorf("%s-%d at %d: key %d has version %q after %d", keyedTopic, r.Partition, r.Offset, key, r.Value, found[key])
		}
		found[key] = version
		return nil
	}, k.opts...)
	if err != nil {
		return err
	}
	for key, want := range k.newest {
		if found[key] != max(want, 0) {
			return fmt.Errorf("%s: key %d has version %d, the newest is %d", keyedTopic, key, found[key], want)
		}
	}
	fmt.Printf("# compacted, over TLS and SCRAM: the newest of %d versions of %d keys; %d records are left\n", k.sent, keyedKeys, left)
	return nil
}

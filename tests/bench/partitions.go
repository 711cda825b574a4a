package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/tests/harness"
)

// jobPartitions measures a node with many partitions: making them, stopping, starting after a clean stop and after a kill, idling.
const jobPartitions = "partitions"

const (
	manyTopics        = 10
	partitionsOfTopic = 1_000
	manyPartitions    = manyTopics * partitionsOfTopic
	recordsEach       = 3 // records that one writing of all partitions puts into each
	recordLen         = 200
	manyCreateTimeout = 2 * time.Minute
	manyStepMax       = 5 * time.Minute
	idleFor           = 30 * time.Second
)

// Bars of the job, for our side.
const (
	barOpenSeconds = 2.0
	barRSSMB       = 500
	barIdlePercent = 1.0
)

// manySide is a broker that the job starts, stops and kills.
type manySide interface {
	name() string
	// start returns when the broker says that it is ready.
	start(ctx context.Context) error
	stop() error
	kill() error
	brokers() string
	pid() int
}

// manyRun is the job on one side.
type manyRun struct {
	side manySide
	ends int64 // the end offset that every partition must have
	bad  []string
}

// started are the times from the start of the process until something was answered, and what it takes then.
type started struct {
	Job       string  `json:"job"`
	Side      string  `json:"side"`
	After     string  `json:"after"`
	Ready     float64 `json:"ready_s"`
	Metadata  float64 `json:"metadata_s"`
	Produce   float64 `json:"first_produce_s"`
	Fetch     float64 `json:"first_fetch_s"`
	Open      float64 `json:"all_open_s"`
	RSSMB     int64   `json:"rss_mb"`
	PeakMB    int64   `json:"peak_rss_mb"`
	OpenFiles int     `json:"open_files"`
}

// partitionsJob runs the job on our side and, if asked, on Kafka. Wrong answers and missed bars of ours are errors.
func (b *bench) partitionsJob(ctx context.Context, against bool) error {
	sides := []manySide{&ourSide{binary: b.freshet, dir: filepath.Join(b.dir, "many")}}
	if against {
		sides = append(sides, &kafkaSide{script: filepath.Join(b.peers, "kafka", "kafka.sh"), data: filepath.Join(b.dir, "many-kafka")})
	}
	var missed []error
	for i, s := range sides {
		run := manyRun{side: s}
		err := run.all(ctx)
		if stopErr := s.stop(); err == nil {
			err = stopErr
		}
		if err != nil {
			return fmt.Errorf("%s: %w", s.name(), err)
		}
		if i > 0 {
			continue // the peer meets our bars or not
		}
		for _, bad := range run.bad {
			missed = append(missed, errors.New(bad))
		}
	}
	return errors.Join(missed...)
}

func (r *manyRun) all(ctx context.Context) error {
	if err := r.side.start(ctx); err != nil {
		return err
	}
	if err := r.create(ctx); err != nil {
		return err
	}
	if err := r.write(ctx, "first"); err != nil {
		return err
	}
	if err := r.end(r.side.stop, "stop"); err != nil {
		return err
	}
	if err := r.restart(ctx, "stop"); err != nil {
		return err
	}
	if err := r.idle(); err != nil {
		return err
	}
	if err := r.write(ctx, "second"); err != nil {
		return err
	}
	if err := r.end(r.side.kill, "kill"); err != nil {
		return err
	}
	if err := r.restart(ctx, "kill"); err != nil {
		return err
	}
	return r.end(r.side.stop, "stop after recovery")
}

func manyTopic(i int) string { return "many-" + strconv.Itoa(i) }

// create makes the topics and tells what the slowest and all of them took.
func (r *manyRun) create(ctx context.Context) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(r.side.brokers()))
	if err != nil {
		return err
	}
	defer cl.Close()
	var slowest time.Duration
	began := time.Now()
	for i := range manyTopics {
		req := kmsg.NewPtrCreateTopicsRequest()
		req.TimeoutMillis = int32(manyCreateTimeout.Milliseconds())
		t := kmsg.NewCreateTopicsRequestTopic()
		t.Topic, t.NumPartitions, t.ReplicationFactor = manyTopic(i), partitionsOfTopic, 1
		req.Topics = append(req.Topics, t)
		one := time.Now()
		resp, err := req.RequestWith(ctx, cl)
		if err == nil {
			err = kerr.ErrorForCode(resp.Topics[0].ErrorCode)
		}
		if err != nil {
			return fmt.Errorf("create %s: %w", t.Topic, err)
		}
		slowest = max(slowest, time.Since(one))
	}
	tick := time.NewTicker(knownEvery)
	defer tick.Stop()
	for err := errUnknown; errors.Is(err, errUnknown); { // the peer answers before all of it is there
		if err = allKnown(ctx, cl); err != nil && !errors.Is(err, errUnknown) {
			return err
		}
		if err != nil {
			<-tick.C
		}
	}
	return r.tell(map[string]any{"step": "create", "topics": manyTopics, "partitions": manyPartitions, "all_s": round(time.Since(began).Seconds()), "slowest_s": round(slowest.Seconds())})
}

// write puts some records into every partition with an idempotent producer, acks=all.
func (r *manyRun) write(ctx context.Context, which string) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(r.side.brokers()), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.MaxBufferedRecords(manyPartitions*recordsEach), kgo.ProducerLinger(100*time.Millisecond))
	if err != nil {
		return err
	}
	defer cl.Close()
	var mu sync.Mutex
	var failed error
	value := make([]byte, recordLen)
	began := time.Now()
	for range recordsEach {
		for p := range manyPartitions {
			rec := &kgo.Record{Topic: manyTopic(p / partitionsOfTopic), Partition: int32(p % partitionsOfTopic), Value: value}
			cl.Produce(ctx, rec, func(_ *kgo.Record, err error) {
				mu.Lock()
				failed = cmp.Or(failed, err)
				mu.Unlock()
			})
		}
	}
	if err := errors.Join(cl.Flush(ctx), failed); err != nil {
		return fmt.Errorf("write all partitions: %w", err)
	}
	took := time.Since(began)
	r.ends += recordsEach
	rss, peak, err := harness.RSS(r.side.pid())
	if err != nil {
		return err
	}
	return r.tell(map[string]any{
		"step": "write all, " + which, "records": manyPartitions * recordsEach, "took_s": round(took.Seconds()),
		"rss_mb": rss, "peak_rss_mb": peak, "open_files": openFiles(r.side.pid()),
	})
}

// end stops or kills the broker and tells how long that took.
func (r *manyRun) end(how func() error, step string) error {
	began := time.Now()
	if err := how(); err != nil {
		return fmt.Errorf("%s: %w", step, err)
	}
	return r.tell(map[string]any{"step": step, "took_s": round(time.Since(began).Seconds())})
}

// restart starts the broker and takes the times of the first answers.
func (r *manyRun) restart(ctx context.Context, after string) error {
	ctx, cancel := context.WithTimeout(ctx, manyStepMax)
	defer cancel()
	out := started{Job: jobPartitions, Side: r.side.name(), After: after}
	began := time.Now()
	since := func() float64 { return round(time.Since(began).Seconds()) }
	if err := r.side.start(ctx); err != nil {
		return err
	}
	out.Ready = since()
	cl, err := kgo.NewClient(kgo.SeedBrokers(r.side.brokers()), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		return err
	}
	defer cl.Close()
	if err := r.produceOne(ctx, cl); err != nil {
		return err
	}
	out.Produce = since()
	if err := r.fetchOne(ctx); err != nil {
		return err
	}
	out.Fetch = since()
	if err := allKnown(ctx, cl); err != nil {
		return err
	}
	out.Metadata = since()
	if err := r.allOpen(ctx, cl); err != nil {
		return err
	}
	out.Open = since()
	out.OpenFiles = openFiles(r.side.pid())
	if out.RSSMB, out.PeakMB, err = harness.RSS(r.side.pid()); err != nil {
		return err
	}
	if out.Open > barOpenSeconds {
		r.bad = append(r.bad, fmt.Sprintf("all open %.2f s after a %s, the bar is %.0f", out.Open, after, barOpenSeconds))
	}
	if out.RSSMB > barRSSMB {
		r.bad = append(r.bad, fmt.Sprintf("%d MB after a %s, the bar is %d", out.RSSMB, after, barRSSMB))
	}
	return printJSON(out)
}

// The partition that is asked first: one in the middle of its topic.
const (
	askedTopic     = manyTopics - 1
	askedPartition = partitionsOfTopic / 2
)

// produceOne appends one record more to the asked partition; its end is then one beyond the others'.
func (r *manyRun) produceOne(ctx context.Context, cl *kgo.Client) error {
	got, err := cl.ProduceSync(ctx, &kgo.Record{Topic: manyTopic(askedTopic), Partition: askedPartition, Value: []byte("first")}).First()
	if err == nil && got.Offset < r.ends {
		err = fmt.Errorf("offset %d, %d records were acknowledged before", got.Offset, r.ends)
	}
	return err
}

// fetchOne reads the first record of the asked partition with a new consumer.
func (r *manyRun) fetchOne(ctx context.Context) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(r.side.brokers()),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{manyTopic(askedTopic): {askedPartition: kgo.NewOffset().At(0)}}))
	if err != nil {
		return err
	}
	defer cl.Close()
	fetches := cl.PollFetches(ctx)
	if err := fetches.Err(); err != nil {
		return err
	}
	if records := fetches.Records(); len(records) == 0 || records[0].Offset != 0 || len(records[0].Value) != recordLen {
		return fmt.Errorf("fetch of the first record gave %d others", len(records))
	}
	return nil
}

// errUnknown tells that not all partitions are known yet.
var errUnknown = errors.New("not all partitions are known")

// knownEvery is how often the broker is asked whether they are.
const knownEvery = 100 * time.Millisecond

// allKnown asks for all topics at once. Errors: errUnknown.
func allKnown(ctx context.Context, cl *kgo.Client) error {
	req := kmsg.NewPtrMetadataRequest()
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return err
	}
	n := 0
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return fmt.Errorf("%w: %s-%d: %w", errUnknown, *t.Topic, p.Partition, err)
			}
			n++
		}
	}
	if n < manyPartitions {
		return fmt.Errorf("%w: %d of %d", errUnknown, n, manyPartitions)
	}
	return nil
}

// allOpen asks every partition for its end, which opens it, and checks the answers.
func (r *manyRun) allOpen(ctx context.Context, cl *kgo.Client) error {
	const latest = -1
	req := kmsg.NewPtrListOffsetsRequest()
	for i := range manyTopics {
		t := kmsg.NewListOffsetsRequestTopic()
		t.Topic = manyTopic(i)
		for p := range int32(partitionsOfTopic) {
			tp := kmsg.NewListOffsetsRequestTopicPartition()
			tp.Partition, tp.Timestamp = p, latest
			t.Partitions = append(t.Partitions, tp)
		}
		req.Topics = append(req.Topics, t)
	}
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return err
	}
	n := 0
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return fmt.Errorf("end of %s-%d: %w", t.Topic, p.Partition, err)
			}
			asked := t.Topic == manyTopic(askedTopic) && p.Partition == askedPartition
			if p.Offset != r.ends && (!asked || p.Offset <= r.ends) {
				return fmt.Errorf("%s-%d ends at %d, expected %d", t.Topic, p.Partition, p.Offset, r.ends)
			}
			n++
		}
	}
	if n != manyPartitions {
		return fmt.Errorf("%d ends, expected %d", n, manyPartitions)
	}
	return nil
}

// idle measures the CPU of the node that nobody asks anything.
func (r *manyRun) idle() error {
	before, err := harness.CPU(r.side.pid())
	if err != nil {
		return err
	}
	<-time.After(idleFor)
	after, err := harness.CPU(r.side.pid())
	if err != nil {
		return err
	}
	percent := round(100 * (after - before).Seconds() / idleFor.Seconds())
	if percent > barIdlePercent {
		r.bad = append(r.bad, fmt.Sprintf("%.2f %% CPU when idle, the bar is %.0f", percent, barIdlePercent))
	}
	rss, _, err := harness.RSS(r.side.pid())
	if err != nil {
		return err
	}
	return r.tell(map[string]any{"step": "idle", "cpu_percent": percent, "seconds": idleFor.Seconds(), "rss_mb": rss, "open_files": openFiles(r.side.pid())})
}

func (r *manyRun) tell(line map[string]any) error {
	line["job"], line["side"] = jobPartitions, r.side.name()
	return printJSON(line)
}

// openFiles is how many descriptors a process has; 0 where that can't be seen.
func openFiles(pid int) int {
	names, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		return 0
	}
	return len(names)
}

package broker

import (
	"context"
	"encoding/binary"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/freshetdb/freshet/broker/client"
	"github.com/freshetdb/freshet/broker/controller"
	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/broker/replica"
	"github.com/freshetdb/freshet/storage/record"
	"github.com/freshetdb/freshet/storage/vfs"
)

// agreement is a metadata quorum in memory: it outlives the nodes of a test, as a real one does by its disk.
type agreement struct {
	mu    sync.Mutex
	image *metadata.Image
	apply []func(*metadata.Image, *metadata.Delta)
}

func newAgreement() *agreement {
	a := &agreement{image: &metadata.Image{}}
	_, err := a.Change(context.Background(), func(*metadata.Image) ([]metadata.Record, error) {
		return []metadata.Record{metadata.BrokerRecord{ID: 1, Epoch: 1}}, nil
	})
	if err != nil {
		panic(err)
	}
	return a
}

func (a *agreement) Image() *metadata.Image {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.image
}

func (a *agreement) Change(_ context.Context, decide func(*metadata.Image) ([]metadata.Record, error)) (*metadata.Image, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	records, err := decide(a.image)
	if err != nil || len(records) == 0 {
		return a.image, err
	}
	img, delta, err := metadata.Replay(a.image, a.image.Version()+1, records)
	if err != nil {
		return nil, err
	}
	a.image = img
	for _, apply := range a.apply {
		apply(img, delta)
	}
	return img, nil
}

func (a *agreement) subscribe(apply func(*metadata.Image, *metadata.Delta)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	apply(a.image, metadata.FullDelta(a.image))
	a.apply = append(a.apply, apply)
}

// testNode is the part of a broker below its sockets.
type testNode struct {
	agreed       *agreement
	replicas     *replica.Manager
	coordinators *coordinators
	client       *client.Embedded
	stop         func()
}

const testDir = "/data"

// startNode starts a node over a file system and the cluster's agreement.
func startNode(t testing.TB, fs vfs.FS, agreed *agreement, opts CoordinatorOptions) *testNode {
	t.Helper()
	if err := fs.MkdirAll(testDir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := vfs.SyncDir(fs, "/"); err != nil {
		t.Fatal(err)
	}
	logger := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	m, err := replica.NewManager(replica.Options{NodeID: 1, FS: fs, Dir: testDir}, logger)
	if err != nil {
		t.Fatal(err)
	}
	agreed.mu.Lock()
	agreed.apply = nil
	agreed.mu.Unlock()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { m.Run(ctx) })
	agreed.subscribe(m.ApplyImage)
	ids := agreed.Image().Version() << 32
	control := controller.New(controller.Options{}, func() (id metadata.UUID) {
		ids++
		binary.BigEndian.PutUint64(id[8:], ids)
		return id
	})
	_, err = agreed.Change(ctx, func(img *metadata.Image) ([]metadata.Record, error) {
		var missing []controller.NewTopic
		for _, name := range []string{metadata.OffsetsTopic, metadata.TransactionsTopic} {
			if img.Topic(name) == nil {
				missing = append(missing, controller.NewTopic{Name: name, Partitions: 4, ReplicationFactor: -1, System: true})
			}
		}
		_, records := control.CreateTopics(img, missing)
		return records, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	c, err := newCoordinators(opts, 1, agreed, control, m, nil, logger)
	if err != nil {
		t.Fatal(err)
	}
	agreed.subscribe(c.apply)
	n := &testNode{agreed: agreed, replicas: m, coordinators: c, client: c.client}
	var once sync.Once
	n.stop = func() {
		once.Do(func() {
			if err := c.close(); err != nil {
				t.Log("close:", err)
			}
			if _, err := m.Close(); err != nil {
				t.Log("close:", err)
			}
			cancel()
			running.Wait()
		})
	}
	t.Cleanup(n.stop)
	return n
}

// testContext ends with the test, and long before the test's own time is over.
func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func (n *testNode) topic(t testing.TB, name string, partitions int32) {
	t.Helper()
	if _, err := n.client.CreateTopic(testContext(t), client.TopicSpec{Name: name, Partitions: partitions}); err != nil {
		t.Fatal(err)
	}
}

func (n *testNode) producer(t testing.TB, id string) client.Producer {
	t.Helper()
	p, err := n.client.Producer(testContext(t), client.ProducerOptions{TransactionalID: id})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// batchOf builds a batch of values.
func batchOf(values ...string) []byte {
	b := record.NewBuilder(record.None)
	for _, v := range values {
		b.Append(1, nil, []byte(v), nil)
	}
	batch, err := b.Build(nil)
	if err != nil {
		panic(err)
	}
	return batch
}

// produce produces and gives a function that waits for the answer.
func produce(t testing.TB, p client.Producer, topic string, partition int32, values ...string) (wait func() client.Ack) {
	t.Helper()
	acks := make(chan client.Ack, 1)
	p.Produce(client.TopicPartition{Topic: topic, Partition: partition}, batchOf(values...), func(a client.Ack) { acks <- a })
	return func() client.Ack { return <-acks }
}

func commit(t testing.TB, p client.Producer) error {
	t.Helper()
	done := make(chan error, 1)
	p.Commit(func(err error) { done <- err })
	select {
	case err := <-done:
		return err
	case <-testContext(t).Done():
		t.Fatal("commit does not end")
		return nil
	}
}

func mustCommit(t testing.TB, p client.Producer) {
	t.Helper()
	if err := commit(t, p); err != nil {
		t.Fatal(err)
	}
}

// values reads a partition as a consumer does: what an isolation level shows, without markers and aborted batches.
func (n *testNode) values(t testing.TB, topic string, partition int32, iso client.Isolation) string {
	t.Helper()
	ctx := testContext(t)
	tp := client.TopicPartition{Topic: topic, Partition: partition}
	bounds, err := n.client.Offsets(ctx, tp)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for offset := bounds.Start; ; {
		f, err := n.client.Fetch(ctx, tp, offset, 1<<20, iso)
		if err != nil {
			t.Fatal(err)
		}
		if len(f.Batches) == 0 {
			return strings.Join(out, " ")
		}
		offset = appendValues(t, &out, &f)
		f.Release()
	}
}

// appendValues gives the offset after what was fetched.
func appendValues(t testing.TB, out *[]string, f *client.Fetched) (next int64) {
	t.Helper()
	aborted := map[int64]bool{}
	rest := f.Batches
	for len(rest) > 0 {
		var b record.Batch
		var err error
		if b, rest, err = record.Next(rest); err != nil {
			t.Fatal(err)
		}
		next = b.NextOffset()
		for _, a := range f.Aborted {
			if a.FirstOffset <= b.BaseOffset() && a.FirstOffset >= 0 && a.ProducerID == b.ProducerID() && !b.Control() {
				aborted[a.ProducerID] = true
			}
		}
		if b.Control() {
			if m, err := record.ReadMarker(b); err == nil && !m.Commit {
				delete(aborted, b.ProducerID())
				f.Aborted = dropFirst(f.Aborted, b.ProducerID())
			}
			continue
		}
		if b.Transactional() && aborted[b.ProducerID()] {
			continue
		}
		it, err := record.Records(b, nil)
		if err != nil {
			t.Fatal(err)
		}
		var r record.Record
		for it.Next(&r) {
			*out = append(*out, string(r.Value))
		}
	}
	return next
}

func dropFirst(list []client.Aborted, producerID int64) []client.Aborted {
	for i, a := range list {
		if a.ProducerID == producerID {
			return append(append([]client.Aborted(nil), list[:i]...), list[i+1:]...)
		}
	}
	return list
}

func numbered(prefix string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = prefix + strconv.Itoa(i)
	}
	return out
}

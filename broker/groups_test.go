package broker

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/client"
	"github.com/freshetdb/freshet/broker/group"
	"github.com/freshetdb/freshet/storage/vfs"
)

// startCoordinating starts a whole broker on a free port.
func startCoordinating(t testing.TB, fs vfs.FS) *Broker {
	t.Helper()
	b, err := Start(testContext(t), Options{
		FS: fs, DataDir: testDir, Listen: []string{"127.0.0.1:0"}, InternalPartitions: 4,
		Coordinators: CoordinatorOptions{Groups: group.Options{InitialRebalanceDelay: -1, SessionTimeoutMin: time.Second}},
		Logger:       slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error("close broker:", err)
		}
	})
	return b
}

func dialKafka(t testing.TB, b *Broker, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	c, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(b.Addr().String())}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// consumer is a group member that notes what it is given.
type consumer struct {
	*kgo.Client
	mu      sync.Mutex // guards: owned, values
	owned   []int32
	values  []string
	changed chan struct{}
	stop    func()
}

func (c *consumer) note(fn func()) {
	c.mu.Lock()
	fn()
	c.mu.Unlock()
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

func joinAs(t *testing.T, b *Broker, groupID, topic string) *consumer {
	t.Helper()
	c := &consumer{changed: make(chan struct{}, 1)}
	c.Client = dialKafka(t, b, kgo.ConsumerGroup(groupID), kgo.ConsumeTopics(topic), kgo.Balancers(kgo.RangeBalancer()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(100*time.Millisecond), kgo.DisableAutoCommit(),
		kgo.HeartbeatInterval(50*time.Millisecond), kgo.SessionTimeout(2*time.Second),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, got map[string][]int32) {
			c.note(func() { c.owned = append(c.owned, got[topic]...); slices.Sort(c.owned) })
		}),
		kgo.OnPartitionsRevoked(func(ctx context.Context, cl *kgo.Client, lost map[string][]int32) {
			cl.CommitUncommittedOffsets(ctx)
			c.note(func() {
				c.owned = slices.DeleteFunc(c.owned, func(p int32) bool { return slices.Contains(lost[topic], p) })
			})
		}))
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		for ctx.Err() == nil {
			fetches := c.PollFetches(ctx)
			c.note(func() {
				fetches.EachRecord(func(r *kgo.Record) { c.values = append(c.values, string(r.Value)) })
			})
		}
	})
	var once sync.Once
	c.stop = func() {
		once.Do(func() {
			cancel()
			running.Wait()
			c.Close()
		})
	}
	t.Cleanup(c.stop)
	return c
}

// await waits until the consumer's state is as wished.
func (c *consumer) await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := testContext(t).Done()
	for {
		c.mu.Lock()
		done := ok()
		state := fmt.Sprint(c.owned, c.values)
		c.mu.Unlock()
		if done {
			return
		}
		select {
		case <-c.changed:
		case <-deadline:
			t.Fatalf("waiting for %s: %s", what, state)
		}
	}
}

func (c *consumer) owns(t *testing.T, n int) {
	t.Helper()
	c.await(t, fmt.Sprint(n, " partitions"), func() bool { return len(c.owned) == n })
}

func TestConsumersShareAndTakeOver(t *testing.T) {
	fs := vfs.NewMem()
	b := startCoordinating(t, fs)
	if _, err := b.Client().CreateTopic(testContext(t), client.TopicSpec{Name: "orders", Partitions: 6}); err != nil {
		t.Fatal(err)
	}
	one := joinAs(t, b, "processors", "orders")
	one.owns(t, 6)
	two := joinAs(t, b, "processors", "orders")
	two.owns(t, 3)
	one.owns(t, 3)
	var records []*kgo.Record
	for p := range int32(6) {
		records = append(records, &kgo.Record{Topic: "orders", Partition: p, Value: []byte(fmt.Sprint("v", p))})
	}
	producer := dialKafka(t, b, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err := producer.ProduceSync(testContext(t), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	one.await(t, "its half", func() bool { return len(one.values) == 3 })
	two.await(t, "its half", func() bool { return len(two.values) == 3 })
	for _, c := range []*consumer{one, two} {
		if err := c.CommitUncommittedOffsets(testContext(t)); err != nil {
			t.Fatal(err)
		}
	}
	one.stop() // leaves the group
	two.owns(t, 6)
	describeStable(t, producer, "processors", 1)
	two.stop()
	producer.Close()
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	afterRestart(t, startCoordinating(t, fs))
}

// afterRestart checks that positions outlive the broker.
func afterRestart(t *testing.T, b *Broker) {
	t.Helper()
	committed, err := b.Client().Committed(testContext(t), "processors", true)
	if err != nil || len(committed) != 6 {
		t.Fatal(committed, err)
	}
	three := joinAs(t, b, "processors", "orders")
	three.owns(t, 6)
	producer := dialKafka(t, b)
	if err := producer.ProduceSync(testContext(t), &kgo.Record{Topic: "orders", Value: []byte("new")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	three.await(t, "only what is new", func() bool { return slices.Equal(three.values, []string{"new"}) })
	three.stop()
}

func describeStable(t *testing.T, c *kgo.Client, groupID string, members int) {
	t.Helper()
	req := kmsg.NewPtrDescribeGroupsRequest()
	req.Groups = []string{groupID, "unknown"}
	resp, err := req.RequestWith(testContext(t), c)
	if err != nil {
		t.Fatal(err)
	}
	g := resp.Groups[0]
	if g.State != "Stable" || len(g.Members) != members || g.Protocol != "range" || resp.Groups[1].State != "Dead" {
		t.Fatalf("%+v", resp.Groups)
	}
	list, err := kmsg.NewPtrListGroupsRequest().RequestWith(testContext(t), c)
	if err != nil || len(list.Groups) != 1 || list.Groups[0].Group != groupID {
		t.Fatal(list, err)
	}
}

func TestTransactionsOverTheWire(t *testing.T) {
	b := startCoordinating(t, vfs.NewMem())
	for _, topic := range []string{"in", "out"} {
		if _, err := b.Client().CreateTopic(testContext(t), client.TopicSpec{Name: topic, Partitions: 1}); err != nil {
			t.Fatal(err)
		}
	}
	ctx := testContext(t)
	p := dialKafka(t, b, kgo.TransactionalID("app"), kgo.DefaultProduceTopic("out"))
	for i, end := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort, kgo.TryCommit} {
		if err := p.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := p.ProduceSync(ctx, &kgo.Record{Value: []byte(fmt.Sprint("v", i))}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if err := p.EndTransaction(ctx, end); err != nil {
			t.Fatal(i, err)
		}
	}
	c := dialKafka(t, b, kgo.ConsumeTopics("out"), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	var got []string
	for len(got) < 2 && ctx.Err() == nil {
		c.PollFetches(ctx).EachRecord(func(r *kgo.Record) { got = append(got, string(r.Value)) })
	}
	if !slices.Equal(got, []string{"v0", "v2"}) {
		t.Fatal(got)
	}
	zombie := p
	young := dialKafka(t, b, kgo.TransactionalID("app"), kgo.DefaultProduceTopic("out"))
	if err := young.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := young.ProduceSync(ctx, &kgo.Record{Value: []byte("young")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if err := zombie.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := zombie.ProduceSync(ctx, &kgo.Record{Value: []byte("zombie")}).FirstErr(); err == nil {
		t.Fatal("a fenced producer may produce")
	}
	if err := young.EndTransaction(ctx, kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
}

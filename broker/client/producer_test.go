package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/freshetdb/freshet/storage/record"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeNode notes what a producer does, in order; steps in held wait for the test.
type fakeNode struct {
	mu      sync.Mutex // guards what follows
	log     []string
	epoch   int16
	held    map[string][]func() // by step: "begin", "append", "decide", "visible", "offsets"
	hold    map[string]bool
	failure map[string]error
}

func newFakeNode() *fakeNode {
	return &fakeNode{epoch: -1, held: map[string][]func(){}, hold: map[string]bool{}, failure: map[string]error{}}
}

func (n *fakeNode) client() *Embedded {
	return NewEmbedded(Node{Appender: n, Transactions: n})
}

// step notes a step and ends it, now or when the test lets it.
func (n *fakeNode) step(kind, what string, end func(error)) {
	n.mu.Lock()
	n.log = append(n.log, what)
	err := n.failure[kind]
	if n.hold[kind] {
		n.held[kind] = append(n.held[kind], func() { end(err) })
		n.mu.Unlock()
		return
	}
	n.mu.Unlock()
	end(err)
}

// let ends the steps of a kind that wait, and holds no more.
func (n *fakeNode) let(kind string) {
	n.mu.Lock()
	held := n.held[kind]
	n.held[kind], n.hold[kind] = nil, false
	n.mu.Unlock()
	for _, fn := range held {
		fn()
	}
}

func (n *fakeNode) set(kind string, hold bool, failure error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hold[kind], n.failure[kind] = hold, failure
}

func (n *fakeNode) take() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	out := strings.Join(n.log, "; ")
	n.log = nil
	return out
}

func (n *fakeNode) Append(tp TopicPartition, batch []byte, done func(Ack)) {
	b := record.Batch(batch)
	what := fmt.Sprintf("append %s-%d epoch %d sequence %d", tp.Topic, tp.Partition, b.ProducerEpoch(), b.BaseSequence())
	if b.Transactional() {
		what += " in transaction"
	}
	if b.CRC() != b.ComputeCRC() {
		what += " with a bad checksum"
	}
	n.step("append", what, func(err error) { done(Ack{Err: err}) })
}

func (n *fakeNode) InitProducer(context.Context, string, time.Duration) (ProducerIdentity, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.epoch++
	n.log = append(n.log, fmt.Sprint("init ", n.epoch))
	return ProducerIdentity{ID: 7, Epoch: n.epoch}, n.failure["init"]
}

func names(partitions []TopicPartition) string {
	partitions = slices.Clone(partitions)
	slices.SortFunc(partitions, compareTopicPartitions)
	var out []string
	for _, tp := range partitions {
		out = append(out, fmt.Sprint(tp.Topic, "-", tp.Partition))
	}
	return strings.Join(out, " ")
}

func (n *fakeNode) Begin(_ string, _ ProducerIdentity, partitions []TopicPartition, done func(error)) {
	n.step("begin", "begin "+names(partitions), done)
}

func (n *fakeNode) End(_ string, _ ProducerIdentity, commit bool, partitions []TopicPartition, decided, visible func(error)) {
	n.step("decide", fmt.Sprintf("end %s commit %t", names(partitions), commit), func(err error) {
		decided(err)
		if err == nil {
			n.step("visible", "markers", visible)
		}
	})
}

func (n *fakeNode) CommitOffsets(m GroupMember, p *ProducerIdentity, offsets map[TopicPartition]Committed, done func(error)) {
	n.step("offsets", fmt.Sprintf("offsets of %s: %d, in transaction %t", m.Group, len(offsets), p != nil), done)
}

func (n *fakeNode) OffsetsPartition(string) TopicPartition { return TopicPartition{Topic: "offsets"} }

func oneRecord() []byte {
	b := record.NewBuilder(record.None)
	b.Append(1, nil, []byte("v"), nil)
	batch, err := b.Build(nil)
	if err != nil {
		panic(err)
	}
	return batch
}

func newTransactional(t *testing.T, c *Embedded) *producer {
	t.Helper()
	p, err := c.Producer(t.Context(), ProducerOptions{TransactionalID: "x"})
	if err != nil {
		t.Fatal(err)
	}
	return p.(*producer)
}

func send(p Producer, partition int32) { p.Produce(TopicPartition{"t", partition}, oneRecord(), nil) }

// ended gives what Commit or Abort said, "under way" before.
func ended(end func(func(error))) func() string {
	said := make(chan error, 1)
	end(func(err error) { said <- err })
	return func() string {
		synctest.Wait()
		select {
		case err := <-said:
			return fmt.Sprint(err)
		default:
			return "under way"
		}
	}
}

func check(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Fatalf("%s\n got %s\nwant %s", what, got, want)
	}
}

func TestOrderOfATransaction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNode()
		c := n.client()
		p := newTransactional(t, c)
		n.set("begin", true, nil)
		send(p, 0)
		send(p, 1)
		send(p, 0)
		p.CommitOffsets(GroupMember{Group: "g"}, map[TopicPartition]Committed{{"in", 0}: {}}, nil)
		check(t, "before the announcement", n.take(), "init 0; begin t-0")
		n.let("begin")
		check(t, "after it", n.take(), "append t-0 epoch 0 sequence 0 in transaction; begin offsets-0 t-0 t-1; "+
			"append t-1 epoch 0 sequence 0 in transaction; append t-0 epoch 0 sequence 1 in transaction; offsets of g: 1, in transaction true")
		n.set("visible", true, nil)
		commit := ended(p.Commit)
		check(t, "decided", commit()+"; "+n.take(), "under way; end offsets-0 t-0 t-1 commit true; markers")
		n.let("visible")
		check(t, "visible", commit(), "<nil>")
		send(p, 1)
		check(t, "the next announces the same at once", n.take(), "begin offsets-0 t-0 t-1; append t-1 epoch 0 sequence 1 in transaction")
		abort := ended(func(done func(error)) { p.end(false, done) })
		check(t, "and ends where it wrote", abort()+"; "+n.take(), "<nil>; end t-1 commit false; markers")
		c.Close()
	})
}

func TestCommitWaitsForEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNode()
		c := n.client()
		p := newTransactional(t, c)
		n.set("append", true, nil)
		n.set("offsets", true, nil)
		send(p, 0)
		p.CommitOffsets(GroupMember{Group: "g"}, map[TopicPartition]Committed{{"in", 0}: {}}, nil)
		n.take()
		commit := ended(p.Commit)
		again := ended(p.Commit)
		check(t, "appends wait", commit()+", "+again()+n.take(), "under way, transaction is already ending")
		n.let("append")
		check(t, "positions wait", commit()+n.take(), "under way")
		n.let("offsets")
		check(t, "nothing waits", commit()+"; "+n.take(), "<nil>; end offsets-0 t-0 commit true; markers")
		check(t, "an empty transaction", ended(p.Commit)()+n.take(), "<nil>")
		c.Close()
	})
}

func TestFailureTakesTheNextEpoch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNode()
		c := n.client()
		p := newTransactional(t, c)
		n.set("append", false, errors.New("disk full"))
		send(p, 0)
		n.set("append", false, nil)
		send(p, 1)
		check(t, "nothing follows a failure", n.take(), "init 0; begin t-0; append t-0 epoch 0 sequence 0 in transaction")
		check(t, "commit", ended(p.Commit)()+"; "+n.take(), "transaction aborted: disk full; init 1")
		send(p, 0)
		check(t, "the next one", ended(p.Commit)()+"; "+n.take(),
			"<nil>; begin t-0; append t-0 epoch 1 sequence 0 in transaction; end t-0 commit true; markers")
		c.Close()
	})
}

func TestUnknownOutcomeEndsTheProducer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNode()
		c := n.client()
		p := newTransactional(t, c)
		n.set("decide", false, errors.New("no answer"))
		send(p, 0)
		check(t, "commit", ended(p.Commit)(), "end transaction: no answer")
		check(t, "next commit", ended(p.Commit)(), "end transaction: no answer")
		var got error
		p.Produce(TopicPartition{"t", 0}, oneRecord(), func(a Ack) { got = a.Err })
		check(t, "next batch", fmt.Sprint(got), "end transaction: no answer")
		c.Close()
	})
}

func TestNewProducerWaitsForTheOldOnesAppends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNode()
		c := n.client()
		old := newTransactional(t, c)
		n.set("append", true, nil)
		send(old, 0)
		n.take()
		made := make(chan Producer, 1)
		go func() {
			p, err := c.Producer(t.Context(), ProducerOptions{TransactionalID: "x"})
			if err != nil {
				t.Error(err)
			}
			made <- p
		}()
		synctest.Wait()
		check(t, "while the append is under way", n.take(), "")
		n.let("append")
		synctest.Wait()
		<-made
		check(t, "after it", n.take(), "init 1")
		if err := ended(old.Commit)(); err != ErrFenced.Error() {
			t.Fatal(err)
		}
		c.Close()
	})
}

func TestPlainProducer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNode()
		c := n.client()
		p, err := c.Producer(t.Context(), ProducerOptions{})
		if err != nil {
			t.Fatal(err)
		}
		send(p, 0)
		p.CommitOffsets(GroupMember{Group: "g"}, map[TopicPartition]Committed{{"in", 0}: {}}, nil)
		check(t, "as it is", n.take(), "append t-0 epoch -1 sequence -1; offsets of g: 1, in transaction false")
		check(t, "commit", ended(p.Commit)(), errNotTransactional.Error())
		var got error
		p.Produce(TopicPartition{"t", 0}, []byte("no batch"), func(a Ack) { got = a.Err })
		if !errors.Is(got, record.ErrTorn) {
			t.Fatal(got)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		p.Produce(TopicPartition{"t", 0}, oneRecord(), func(a Ack) { got = a.Err })
		check(t, "after close", fmt.Sprint(got), ErrClosed.Error())
		if _, err := c.Producer(t.Context(), ProducerOptions{}); !errors.Is(err, ErrClosed) {
			t.Fatal(err)
		}
	})
}

func TestCloseAborts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNode()
		c := n.client()
		p := newTransactional(t, c)
		send(p, 0)
		n.take()
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		check(t, "close", n.take(), "end t-0 commit false; markers")
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

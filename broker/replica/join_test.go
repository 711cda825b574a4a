package replica

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/freshetdb/freshet/storage/log"
	"github.com/freshetdb/freshet/storage/record"
	"github.com/freshetdb/freshet/storage/vfs"
)

// joinScene is a producer with a transaction open in a partition, about to go on to the next.
type joinScene struct {
	t     *testing.T
	p     *Partition
	said  []string
	asked int
}

const joinProducer = 7

func newJoinScene(t *testing.T) *joinScene {
	s := &joinScene{t: t, p: newNode(t, vfs.NewMem()).topic("t")}
	s.join(0, 0, func(done func(error)) { done(nil) })
	s.write(0, 0)
	s.asked, s.said = 0, nil
	return s
}

// join asks as the handler of Produce does for a batch of that sequence, and appends it.
func (s *joinScene) join(epoch int16, sequence int32, ask func(done func(error))) {
	r := log.JoinRequest{ProducerID: joinProducer, ProducerEpoch: epoch, Sequence: sequence, Strict: epoch > 0}
	counted := func(done func(error)) { s.asked++; ask(done) }
	s.p.Join(r, counted, func(err error) {
		if err != nil {
			s.said = append(s.said, err.Error())
			return
		}
		s.said = append(s.said, "joined")
	})
}

func (s *joinScene) append(b record.Batch, opts AppendOptions) error {
	opts.Acks = AcksAll
	done := make(chan Appended, 1)
	s.p.Append(b, opts, func(a Appended) { done <- a })
	return (<-done).Err
}

func (s *joinScene) write(epoch int16, sequence int32) {
	s.t.Helper()
	b := batch(s.t, "v")
	b.SetProducer(joinProducer, epoch, sequence, true)
	if err := s.append(b, AppendOptions{Origin: log.FromClient, RequireJoin: true}); err != nil {
		s.t.Fatalf("append of epoch %d, sequence %d: %v", epoch, sequence, err)
	}
}

func (s *joinScene) mark(epoch int16, bumped bool) {
	s.t.Helper()
	b := record.AppendMarker(nil, joinProducer, epoch, time.Now().UnixMilli(), record.Marker{Commit: true})
	if err := s.append(b, AppendOptions{Origin: log.FromCoordinator, EpochBumped: bumped}); err != nil {
		s.t.Fatalf("marker of epoch %d: %v", epoch, err)
	}
}

func (s *joinScene) expect(asked int, said ...string) {
	s.t.Helper()
	if s.asked != asked || strings.Join(s.said, ", ") != strings.Join(said, ", ") {
		s.t.Fatalf("asked %d times, want %d; said %q, want %q", s.asked, asked, s.said, said)
	}
}

// end ends the transaction as a coordinator of v1 does.
func (s *joinScene) end() { s.mark(0, false) }

// TestJoinAsksAgain: a coordinator that was started anew repeats the markers of the producer's last transaction before it answers.
// In v1 such a marker makes the join void that it is asked about; the question is asked again, and nobody notices.
func TestJoinAsksAgain(t *testing.T) {
	s := newJoinScene(t)
	s.end()
	var answers []func(error)
	later := func(done func(error)) { answers = append(answers, done) }
	s.join(0, 1, later)
	s.join(0, 2, later) // waits for the same answer
	s.end()
	s.expect(1)
	answers[0](nil)
	s.expect(2)
	answers[1](nil)
	s.expect(2, "joined", "joined")
	s.write(0, 1)
	s.write(0, 2)
	s.join(0, 3, later) // the transaction is open
	s.expect(2, "joined", "joined", "joined")
}

// TestJoinGivesUp: a marker every time is no accident; neither that nor a refusal leaves anything behind.
func TestJoinGivesUp(t *testing.T) {
	s := newJoinScene(t)
	s.end()
	overtaken := func(done func(error)) {
		s.end()
		done(nil)
	}
	s.join(0, 1, overtaken)
	if s.asked != joinTries || len(s.said) != 1 || !strings.Contains(s.said[0], log.ErrInvalidTxnState.Error()) {
		t.Fatalf("asked %d times, said %q", s.asked, s.said)
	}
	s.asked, s.said = 0, nil
	refused := errors.New("refused")
	first := true
	s.join(0, 1, func(done func(error)) {
		if first {
			first = false
			overtaken(done)
			return
		}
		done(refused)
	})
	s.expect(2, "refused")
	b := batch(t, "v")
	b.SetProducer(joinProducer, 0, 1, true)
	if err := s.append(b, AppendOptions{Origin: log.FromClient, RequireJoin: true}); !errors.Is(err, log.ErrInvalidTxnState) {
		t.Fatalf("append after a refusal: %v", err)
	}
	s.asked, s.said = 0, nil
	s.join(0, 1, func(done func(error)) { done(nil) })
	s.expect(1, "joined")
	s.write(0, 1)
}

// TestJoinOfTheNextEpoch: the marker of a v2 producer's last transaction carries the next one's epoch and leaves its join alone.
func TestJoinOfTheNextEpoch(t *testing.T) {
	s := newJoinScene(t)
	s.join(1, 0, func(done func(error)) {
		s.mark(1, true)
		done(nil)
	})
	s.expect(1, "joined")
	s.write(1, 0)
}

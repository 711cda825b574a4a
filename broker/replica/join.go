package replica

import (
	"fmt"

	"github.com/freshetdb/freshet/storage/log"
)

// joining is a producer that waits for its coordinator's word, with everything it wants to append behind it.
type joining struct {
	waiting []func(error)
}

// joiner names the transaction of a producer in joining.
type joiner struct {
	id    int64
	epoch int16
}

// Join lets a producer's transaction include this partition before then appends to it: at once when it is included already,
// else when ask, which puts the question to the transaction coordinator, calls its done with nil. What comes while the
// question is open waits for the same answer, and runs in the order of the calls. then is called once, from any goroutine,
// and must not block; its error is ask's, log.ErrInvalidTxnState when a marker came in between, or the partition's own.
func (p *Partition) Join(r log.JoinRequest, ask func(done func(error)), then func(error)) {
	l, err := p.open()
	if err != nil {
		then(err)
		return
	}
	who := joiner{r.ProducerID, r.ProducerEpoch}
	p.joinMu.Lock()
	if j := p.joins[who]; j != nil {
		l.BeginJoin(r, p.m.now().UnixMilli()) // only to note the sequence
		j.waiting = append(j.waiting, then)
		p.joinMu.Unlock()
		return
	}
	ticket, joined := l.BeginJoin(r, p.m.now().UnixMilli())
	if joined {
		p.joinMu.Unlock()
		then(nil)
		return
	}
	if p.joins == nil {
		p.joins = map[joiner]*joining{}
	}
	j := &joining{waiting: []func(error){then}}
	p.joins[who] = j
	p.joinMu.Unlock()
	p.askToJoin(l, r, ticket, ask, joinTries, func(err error) { p.joined(who, j, err) })
}

// joinTries is how often the coordinator is asked when a marker comes before its answer does: the first time that is the end of the
// producer's last transaction, which the coordinator waited for before it began this one.
const joinTries = 3

// askToJoin asks the coordinator until its answer is younger than the partition's last marker of the producer.
func (p *Partition) askToJoin(l *log.Log, r log.JoinRequest, ticket uint64, ask func(done func(error)), tries int, then func(error)) {
	ask(func(err error) {
		granted := l.EndJoin(r.ProducerID, ticket, err == nil)
		switch {
		case err != nil || granted:
			then(err)
		case tries <= 1:
			then(fmt.Errorf("%w: a marker of producer %d came first", log.ErrInvalidTxnState, r.ProducerID))
		default:
			again, joined := l.BeginJoin(r, p.m.now().UnixMilli())
			if joined {
				then(nil)
				return
			}
			p.askToJoin(l, r, again, ask, tries-1, then)
		}
	})
}

// joined lets those go on who waited, and those who come meanwhile.
func (p *Partition) joined(who joiner, j *joining, err error) {
	for {
		p.joinMu.Lock()
		waiting := j.waiting
		j.waiting = nil
		if len(waiting) == 0 || err != nil { // a refusal is no word on what comes after it
			delete(p.joins, who)
		}
		p.joinMu.Unlock()
		if len(waiting) == 0 {
			return
		}
		for _, then := range waiting {
			then(err)
		}
		if err != nil {
			return
		}
	}
}

// Joined notes that a producer's transaction includes this partition, for those that have arranged it with the coordinator
// themselves.
func (p *Partition) Joined(r log.JoinRequest) error {
	l, err := p.open()
	if err != nil {
		return err
	}
	if ticket, joined := l.BeginJoin(r, p.m.now().UnixMilli()); !joined {
		l.EndJoin(r.ProducerID, ticket, true)
	}
	return nil
}

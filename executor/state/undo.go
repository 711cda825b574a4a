package state

import "sort"

const (
	undoChunkBits = 10 // entries of an undo chunk: 1,024
	undoHead      = 2  // words before the old value
)

// undoLog holds the first old value of each key and epoch, in order of change.
//
// An entry is [group id<<32 | slot][the slot's header before][the value words before]. Entries are numbered by seq, from 1; a slot's header
// names its newest entry and the header in an entry the one before, so that a slot's past is a chain. When a group moves its slots it writes
// their new places into the entries.
type undoLog struct {
	width  int // words of an entry
	first  uint64
	chunks [][]uint64 // chunks[0] holds the entries from first<<undoChunkBits
	head   uint64     // seq of the next entry
	tail   uint64     // entries below are dropped
	marks  []mark     // sealed epochs that are not dropped, ascending; marks[0] is the floor
	budget *Budget
	spare  [][]uint64 // chunks to use again
	peak   int        // chunks in use lately; it decays by an eighth an epoch
}

// mark says where an epoch ends: entries from end on are of later epochs.
type mark struct {
	epoch uint64
	end   uint64
}

func newUndoLog(values int, b *Budget) undoLog {
	return undoLog{width: undoHead + values, head: 1, tail: 1, marks: []mark{{0, 1}}, budget: b}
}

func (u *undoLog) at(seq uint64) []uint64 {
	i := int(seq&(1<<undoChunkBits-1)) * u.width
	return u.chunks[seq>>undoChunkBits-u.first][i : i+u.width : i+u.width]
}

// push appends an entry and returns it with its seq. Its words are unspecified.
func (u *undoLog) push() ([]uint64, uint64) {
	seq := u.head
	n := seq >> undoChunkBits
	if len(u.chunks) == 0 {
		u.first = n
	}
	for uint64(len(u.chunks)) <= n-u.first {
		var c []uint64
		if k := len(u.spare); k > 0 {
			c, u.spare = u.spare[k-1], u.spare[:k-1]
		}
		u.chunks = append(u.chunks, c[:0])
	}
	i := n - u.first
	c := u.chunks[i]
	need := (int(seq&(1<<undoChunkBits-1)) + 1) * u.width
	if need > cap(c) {
		size := u.width << undoChunkBits
		if i == 0 { // most queries change few keys
			size = min(max(2*cap(c), 8*u.width, need), size)
		}
		u.budget.force(int64(size-cap(c)) * 8)
		c = append(make([]uint64, 0, size), c...)
	}
	u.chunks[i] = c[:need]
	u.head++
	return u.at(seq), seq
}

// cutoff is the first seq after epoch: what a reader as of it must undo.
func (u *undoLog) cutoff(epoch uint64) uint64 {
	i := sort.Search(len(u.marks), func(i int) bool { return u.marks[i].epoch > epoch })
	if i == 0 {
		return u.marks[0].end
	}
	return u.marks[i-1].end
}

// open is the first seq of the open epoch.
func (u *undoLog) open() uint64 { return u.marks[len(u.marks)-1].end }

func (u *undoLog) seal(epoch uint64) {
	u.marks = append(u.marks, mark{epoch, u.head})
	u.peak = max(len(u.chunks), u.peak-(u.peak+7)/8)
}

// drop forgets the entries of epochs up to floor, handing each to visit first when that is not nil.
func (u *undoLog) drop(floor uint64, visit func(entry []uint64)) {
	end := u.cutoff(floor)
	for seq := u.tail; visit != nil && seq < end; seq++ {
		visit(u.at(seq))
	}
	u.tail = max(u.tail, end)
	for len(u.marks) > 1 && u.marks[1].epoch <= floor {
		u.marks = append(u.marks[:0], u.marks[1:]...)
	}
	u.trim()
}

// truncate forgets the epochs behind epoch, whose entries begin at seq and whose slots have all been set back: a rollback.
func (u *undoLog) truncate(seq, epoch uint64) {
	u.head = seq
	for len(u.marks) > 1 && u.marks[len(u.marks)-1].epoch > epoch {
		u.marks = u.marks[:len(u.marks)-1]
	}
	for len(u.chunks) > 0 && u.first+uint64(len(u.chunks))-1 > seq>>undoChunkBits {
		last := len(u.chunks) - 1
		u.budget.force(-int64(cap(u.chunks[last])) * 8)
		u.chunks = u.chunks[:last]
	}
}

// trim gives back the chunks below tail.
func (u *undoLog) trim() {
	for len(u.chunks) > 0 && (u.first+1)<<undoChunkBits <= u.tail {
		c := u.chunks[0]
		u.chunks = append(u.chunks[:0], u.chunks[1:]...)
		u.first++
		u.spare = append(u.spare, c)
	}
	for len(u.spare) > max(0, u.peak-len(u.chunks)) {
		last := len(u.spare) - 1
		u.budget.force(-int64(cap(u.spare[last])) * 8)
		u.spare[last] = nil
		u.spare = u.spare[:last]
	}
}

func (u *undoLog) release() {
	for _, c := range append(u.chunks, u.spare...) {
		u.budget.force(-int64(cap(c)) * 8)
	}
	u.chunks, u.spare = nil, nil
}

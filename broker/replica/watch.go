package replica

// watcher is an entry of a partition's list of those who wait for its readable end to move.
type watcher struct {
	moved      func()
	p          *Partition
	prev, next *watcher
}

// watchList is a doubly linked list, so that a fetch over thousands of partitions joins and leaves in constant time each.
type watchList struct{ first *watcher }

func (l *watchList) add(w *watcher) {
	w.next = l.first
	if l.first != nil {
		l.first.prev = w
	}
	l.first = w
}

func (l *watchList) remove(w *watcher) {
	if w.prev != nil {
		w.prev.next = w.next
	} else if l.first == w {
		l.first = w.next
	}
	if w.next != nil {
		w.next.prev = w.prev
	}
	w.prev, w.next = nil, nil
}

// Watch calls moved once now and after the partition's readable end moved or the partition was deleted. moved must not block, must
// not call Watch or cancel, and may come from any goroutine. When cancel has returned moved is not running and won't be
// called again.
func (p *Partition) Watch(moved func()) (cancel func()) {
	w := &watcher{moved: moved}
	p.watch(w)
	p.watchMu.Lock()
	moved()
	p.watchMu.Unlock()
	return w.cancel
}

func (p *Partition) watch(w *watcher) {
	p.watchMu.Lock()
	w.p = p
	p.watchers.add(w)
	p.watchMu.Unlock()
}

// cancel takes the watcher off its partition; calling it twice does no harm.
func (w *watcher) cancel() {
	p := w.p
	p.watchMu.Lock()
	p.watchers.remove(w)
	p.watchMu.Unlock()
}

func (p *Partition) wakeWatchers() {
	p.watchMu.Lock()
	for w := p.watchers.first; w != nil; w = w.next {
		w.moved()
	}
	p.watchMu.Unlock()
}

// Watched tells whether somebody waits for the partition's readable end to move.
func (p *Partition) Watched() bool {
	p.watchMu.Lock()
	defer p.watchMu.Unlock()
	return p.watchers.first != nil
}

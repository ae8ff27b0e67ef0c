from tests.simulation.world import run_seed
import sys,time
a,b=int(sys.argv[1]),int(sys.argv[2])
from collections import Counter
f=Counter();c=Counter()
t=time.time()
for s in range(a,b):
    o=run_seed(s); f+=o.faults; c+=o.counts
    if o.check:
        print(s,o.digest,o.check,o.detail[:300])
        if b==a+1: print("\n".join(o.trace[-80:]))
dt=time.time()-t
print(f);print(c); print(dt,(b-a)/dt*60,"seeds/min")

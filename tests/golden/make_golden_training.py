#!/usr/bin/env python3
"""make_golden_training.py - golden data of the losses' gradients and of whole training steps

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later

  /usr/bin/python3 tests/golden/make_golden_training.py      (PyTorch 1.13, float64 throughout)

The gradient penalty is differentiated by PyTorch's double backward. The training run repeats trainer/data/random.h, so that
the test runs the trainer as it is: same pictures, same seed. Gradients and weights are kept as digests: one row
per parameter (for a run: its change) with a projection, the norm and SAMPLES of its elements.
"""
import math
import os

import numpy as np
import torch

import networks

C, PATCH, N = 2, 64, 2
ALPHA, PENALTY = 1e-3, 10.0
SAMPLES = 30
MASK = 2**64 - 1


def digest(array):
    t = np.asarray(array, dtype=np.float64).ravel()
    i = np.arange(t.size)
    projection = np.dot(t, (i * 7919 % 1000) / 500.0 - 1.0)
    row = np.zeros(2 + SAMPLES)
    row[:2] = projection, math.sqrt(np.dot(t, t))
    kept = t if t.size < SAMPLES else t[np.arange(SAMPLES) * t.size // SAMPLES]
    row[2 : 2 + kept.size] = kept
    return row


def digests(arrays):
    return np.stack([digest(a) for a in arrays])


def names(kind, network):
    return [f"{kind}.{name}" for name, _ in network.named_parameters()]


def l1(a, b):
    return (a - b).abs().flatten(1).sum(1).mean()


def losses_encoder_generator(E, G, D, x, z, alpha):
    """Eq. 13; (loss, L_R, L_R', L_D)"""
    e_x, g_z = E(x), G(z)
    l_r, l_z = l1(G(e_x), x), l1(E(g_z), z)
    l_d = D(g_z, z).mean() - D(x, e_x).mean()
    return (1 - alpha) * -l_d + alpha * (l_r + l_z), l_r, l_z, l_d


def losses_critic(E, G, D, x, z, e, weight):
    """Eq. 6 + gradient penalty; (L_D, penalty)"""
    with torch.no_grad():
        e_x, g_z = E(x), G(z)
    l_d = D(g_z, z).mean() - D(x, e_x).mean()
    x_i = (e.view(-1, 1, 1, 1) * x + (1 - e.view(-1, 1, 1, 1)) * g_z).requires_grad_()
    z_i = (e.view(-1, 1) * e_x + (1 - e.view(-1, 1)) * z).requires_grad_()
    g_x, g_l = torch.autograd.grad(D(x_i, z_i).sum(), (x_i, z_i), create_graph=True)
    norms = (g_x.flatten(1).square().sum(1) + g_l.square().sum(1)).sqrt()
    return l_d, weight * (norms - 1).square().mean()


def gradients(loss, network):
    """A parameter that the loss does not reach (D's last bias, for the penalty) has gradient zero."""
    parameters = list(network.parameters())
    found = torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)
    return [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, found)]


def golden_losses(out):
    E, G, D = (n.double() for n in networks.make(C, PATCH))
    pixels = np.floor(256 * networks.uniforms("pixels", N * 3 * PATCH * PATCH)).astype(np.uint8)
    z = networks.uniforms("z", N * 64).astype(np.float32) * 4 - 2
    e = np.array([0.3, 0.85], dtype=np.float32)
    out.update({"losses.pixels": pixels, "losses.z": z, "losses.e": e})
    x = torch.from_numpy(pixels / 127.5 - 1).reshape(N, 3, PATCH, PATCH)
    z, e = torch.from_numpy(z).double().reshape(N, 64), torch.from_numpy(e).double()

    for case, alpha in (("consistency", 1.0), ("adversarial", 0.0), ("combined", ALPHA)):
        loss, l_r, l_z, l_d = losses_encoder_generator(E, G, D, x, z, alpha)
        out[f"{case}.values"] = np.array([v.item() for v in (l_r, l_z, l_d)])
        for kind, network in (("encoder", E), ("generator", G)):
            out[f"{case}.{kind}"] = digests(gradients(loss, network))
    l_d, penalty = losses_critic(E, G, D, x, z, e, PENALTY)
    out["critic.values"] = np.array([l_d.item(), penalty.item()])
    for case, loss in (("critic", l_d), ("penalty", penalty), ("both", l_d + penalty)):
        out[f"{case}.discriminator"] = digests(gradients(loss, D))


# trainer/data/random.h
def mix(z):
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & MASK
    z = (z ^ z >> 27) * 0x94D049BB133111EB & MASK
    return z ^ z >> 31


PARAMETERS, HELD_OUT, ORDER, CROP, LATENT, MIX = range(6)


def key(seed, purpose, draw):
    k = mix(seed + 0x9E3779B97F4A7C15 & MASK)
    k = mix(k + (purpose + 1) * 0xD1B54A32D192ED03 & MASK)
    return mix(k + (draw + 1) * 0x8CB92BA72F3D8DD7 & MASK)


def uniform(k, index):
    return (mix(k + (index + 1) * 0x9E3779B97F4A7C15 & MASK) >> 11) * 2.0**-53


def normals(k, n):
    z = np.zeros(n)
    for i in range(0, n, 2):
        radius = math.sqrt(-2 * math.log(1 - uniform(k, i)))
        angle = 2 * math.pi * uniform(k, i + 1)
        z[i : i + 2] = radius * math.cos(angle), radius * math.sin(angle)
    return z


def order(k, n):
    o = [0] * n
    for i in range(n):
        j = int(uniform(k, i) * (i + 1))
        o[i] = o[j]
        o[j] = i
    return o


def initialise(network, kind, seed):
    """cbigan_network_initialise()"""
    state = (key(seed, PARAMETERS, kind) * 3 + kind) & MASK
    with torch.no_grad():
        for p in network.parameters():
            values = np.zeros(p.numel())
            bound = math.sqrt(6 / ((1 + float(np.float32(0.2) * np.float32(0.2))) * (p.numel() / p.shape[0])))
            for i in range(p.numel()):
                state = state + 0x9E3779B97F4A7C15 & MASK
                values[i] = 0.0 if p.dim() == 1 else bound * (2 * (mix(state) >> 11) * 2.0**-53 - 1)
            p.copy_(torch.from_numpy(values.astype(np.float32)).reshape(p.shape))
    return network.double()


# The run: 8 pictures, of which 4 are held out.
# Of twelve seeds, the one whose run in float32 stays nearest to float64 (all shown numbers within 3e-6): with others a
# rounding near a kink of LeakyReLU moves a loss by more than the tolerance.
SEED, PICTURES, TRAINED, WARMUP, STEPS, CRITIC_UPDATES = 12, 8, 4, 3, 10, 2
RATE, WARMUP_RATE, DECAY = 1e-4, 1e-3, 0.9
LATELY = 0.1


def picture(k):
    """(3, PATCH, PATCH) triangle waves"""
    c, y, x = np.meshgrid(np.arange(3), np.arange(PATCH), np.arange(PATCH), indexing="ij")
    t = (x * (2 + k % 3) + y * (5 - k % 4) + 37 * c + 11 * k) % 256
    return np.where(t < 128, 2 * t, 511 - 2 * t) / 127.5 - 1


class Batches:
    def __init__(self):
        placed = [0] * PICTURES
        for i, place in enumerate(order(key(SEED, HELD_OUT, 0), PICTURES)):
            placed[place] = i
        self.pictures, self.draw = [picture(k) for k in placed[:TRAINED]], 0

    def next(self):
        positions = range(self.draw * N, self.draw * N + N)
        x = [self.pictures[order(key(SEED, ORDER, p // TRAINED), TRAINED)[p % TRAINED]] for p in positions]
        z = normals(key(SEED, LATENT, self.draw), N * 64).reshape(N, 64)
        e = np.array([uniform(key(SEED, MIX, self.draw), i) for i in range(N)])
        self.draw += 1
        return (torch.from_numpy(np.asarray(a)) for a in (x, z, e))


def smooth(old, new):
    return new if old is None else old + LATELY * (new - old)


def golden_training(out):
    E, G, D = (
        initialise(cls(C, PATCH), kind, SEED)
        for kind, cls in enumerate((networks.Encoder, networks.Generator, networks.Discriminator))
    )
    start = [[p.detach().clone() for p in network.parameters()] for network in (E, G, D)]
    mean = [torch.zeros_like(p) for p in (*E.parameters(), *G.parameters())]
    batches, l_r_shown, l_d_shown, shown = Batches(), None, None, []
    for step in range(WARMUP + STEPS):
        warming_up = step < WARMUP
        if step in (0, WARMUP):
            rate, betas = (WARMUP_RATE, (0.9, 0.999)) if warming_up else (RATE, (0.5, 0.9))
            of_e_g = torch.optim.Adam([*E.parameters(), *G.parameters()], rate, betas)
            of_d = torch.optim.Adam(D.parameters(), rate, betas)
        for _ in range(0 if warming_up else CRITIC_UPDATES):
            l_d, penalty = losses_critic(E, G, D, *batches.next(), PENALTY)
            of_d.zero_grad()
            (l_d + penalty).backward()
            of_d.step()
        x, z, _ = batches.next()
        loss, l_r, _, _ = losses_encoder_generator(E, G, D, x, z, 1.0 if warming_up else ALPHA)
        of_e_g.zero_grad()
        loss.backward()
        of_e_g.step()
        power = DECAY ** (step + 1)
        decay = (DECAY - power) / (1 - power)
        for m, p in zip(mean, (*E.parameters(), *G.parameters())):
            m.mul_(decay).add_(p.detach(), alpha=1 - decay)
        l_r_shown = smooth(l_r_shown, l_r.item())
        l_d_shown = None if warming_up else smooth(l_d_shown, l_d.item())
        shown.append((l_r_shown, 0 if l_d_shown is None else l_d_shown))
    out["training.shown"] = np.array(shown)
    averaged = mean[: len(start[0])], mean[len(start[0]) :]
    for kind, network, before in zip(networks.KINDS, (E, G, D), start):
        out[f"training.{kind}"] = digests([p.detach() - b for p, b in zip(network.parameters(), before)])
    for kind, after, before in zip(networks.KINDS, averaged, start):
        out[f"training.{kind}.mean"] = digests([a - b for a, b in zip(after, before)])


def main():
    out = {}
    for kind, cls in zip(networks.KINDS, (networks.Encoder, networks.Generator, networks.Discriminator)):
        out[f"{kind}.names"] = np.frombuffer("\n".join(names(kind, cls(C, PATCH))).encode(), dtype=np.uint8)
    golden_losses(out)
    golden_training(out)
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "training_c2_p64.safetensors")
    networks.write_safetensors(path, out)
    print(f"{path}: {os.path.getsize(path)} bytes")


if __name__ == "__main__":
    main()
